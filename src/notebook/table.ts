import { formatNumber } from '../report/page/format.js'
import { escapeHtml } from '../io/escapeHtml.js'
import { colors, contentBundle, textHtml } from './html.js'
import type { Content } from './html.js'
import { showBundle } from './output.js'
import { scrollable } from './scrollable.js'

/** The part of a danfojs DataFrame that a table is made of. */
export interface DataFrameLike {
  /** Names of the columns. */
  readonly columns: readonly (string | number)[]
  /** [rows][columns] */
  readonly values: unknown
  /** Names of the rows. */
  readonly index: readonly (string | number)[]
}

/** How a table is shown. */
export interface TableOptions {
  /** What stands above it. */
  caption?: string
  /** Most rows; what is left out is counted below. Defaults to 20. */
  limit?: number
  /** Characters after which a text is cut off. Defaults to 400. */
  width?: number
}

/**
 * Shows rows as a table: objects, of which the first one names the columns, or a danfojs DataFrame. Numbers get about three
 * digits; line breaks in texts are kept; `null` and `undefined` are a dash.
 */
export function table(rows: readonly object[] | DataFrameLike, options: TableOptions = {}): void {
  showBundle(contentBundle(tableContent(rows, options)))
}

/** The table as HTML and as text. */
export function tableContent(rows: readonly object[] | DataFrameLike, options: TableOptions = {}): Content {
  const { caption, limit = 20, width = 400 } = options
  const { columns, values, index } = asColumns(rows)
  const shown = values.slice(0, limit).map((row) => row.map((value) => formatCell(value, width)))
  const isNumeric = columns.map((_, c) => values.every((row) => row[c] == null || typeof row[c] === 'number'))
  // On a narrow page the table is scrolled rather than its texts squeezed to a word a line.
  const isLong = columns.map((_, c) => shown.some((row) => row[c]!.length > 40))
  const place = (c: number): string =>
    `text-align:${isNumeric[c] ? 'right' : 'left'};vertical-align:top;padding:.3em .7em;border-bottom:1px solid ${colors.line}`
  const style = (c: number): string =>
    place(c) +
    (isNumeric[c] ? ';white-space:nowrap' : ';white-space:pre-wrap;overflow-wrap:break-word;max-width:36em') +
    (isLong[c] ? ';min-width:14em' : '')
  // Pages that take styles away still know this attribute.
  const align = (c: number): string => (isNumeric[c] ? ' align="right"' : '')
  const head = columns.map((name, c) => `<th${align(c)} style="${place(c)}">${escapeHtml(name)}</th>`).join('')
  const label = (r: number): string =>
    index ? `<th style="text-align:right;vertical-align:top;padding:.3em .7em">${escapeHtml(index[r]!)}</th>` : ''
  const body = shown
    .map((row, r) => {
      const cells = row.map((cell, c) => `<td${align(c)} style="${style(c)}">${textHtml(cell)}</td>`)
      return `<tr>${label(r)}${cells.join('')}</tr>`
    })
    .join('')
  const rest = values.length > limit ? `${values.length - limit} more rows` : ''
  const title = caption === undefined ? '' : `<div style="margin:.4em 0;font-weight:600">${escapeHtml(caption)}</div>`
  const table =
    '<table style="border-collapse:collapse;margin:0;font-variant-numeric:tabular-nums">' +
    `<thead><tr>${index ? '<th></th>' : ''}${head}</tr></thead><tbody>${body}</tbody></table>`
  return {
    html: `${title}${scrollable(table)}${rest && `<div style="opacity:.75">${rest}</div>`}`,
    text: [
      caption,
      [...(index ? [''] : []), ...columns].join('\t'),
      ...shown.map((row, r) => [...(index ? [index[r]!] : []), ...row].join('\t')),
      rest,
    ]
      .filter(Boolean)
      .join('\n'),
  }
}

function asColumns(rows: readonly object[] | DataFrameLike): {
  columns: readonly string[]
  values: readonly (readonly unknown[])[]
  index: readonly string[] | null
} {
  if ('columns' in rows) {
    const { columns, values, index } = rows
    return { columns: columns.map(String), values: values as unknown[][], index: index.map(String) }
  }
  const columns = Object.keys(rows[0] ?? {})
  const values = rows.map((row) => columns.map((column) => (row as Readonly<Record<string, unknown>>)[column]))
  return { columns, values, index: null }
}

function formatCell(value: unknown, width: number): string {
  if (value === null || value === undefined) return '–'
  if (typeof value === 'number') return formatNumber(value)
  if (typeof value === 'boolean') return value ? 'yes' : 'no'
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  return text.length > width ? `${text.slice(0, width - 1)}…` : text
}
