import * as units from '../../io/units.js'

/** A column of a table: its heading, and what a row shows there; null shows nothing. */
export interface Column<Row> {
  readonly heading: string
  readonly text: (row: Row) => string | null
  /** Words stand at the left of their column, numbers (the default) at the right. */
  readonly left?: boolean
}

/**
 * Lines of text in columns, the headings first, two spaces between columns; nothing at all without rows. Columns that are empty
 * throughout are left out.
 */
export function formatTable<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): string {
  if (rows.length === 0) return ''
  const cells = columns
    .map(({ heading, text, left }) => ({ heading, left, texts: rows.map((row) => text(row) ?? '') }))
    .filter(({ texts }) => texts.some((text) => text !== ''))
    .map(({ heading, left, texts }) => {
      const width = Math.max(...[heading, ...texts].map(({ length }) => length))
      return [heading, ...texts].map((text) => (left ? text.padEnd(width) : text.padStart(width)))
    })
  const lines = Array.from({ length: rows.length + 1 }, (_, line) => cells.map((column) => column[line]!).join('  '))
  return lines.map((line) => `${line.trimEnd()}\n`).join('')
}

/** A number with about three digits, e.g. 0.0123, 1.23, 12.3, 123, 12345. */
export function threeDigits(value: number | null | undefined): string | null {
  if (value === null || value === undefined || !Number.isFinite(value)) return null
  return Math.abs(value) >= 100 ? value.toFixed(0) : Number(value.toPrecision(3)) === 0 ? '0' : value.toPrecision(3)
}

/** A share as a percentage; null for none. */
export function percent(share: number | null | undefined): string | null {
  return share === null || share === undefined || !Number.isFinite(share) ? null : units.percent(share, 1)
}
