import type { Row } from './compare.js'

/** A row with the file it is about. */
export interface ReportRow extends Row {
  readonly part: string
  readonly file: string
}

const header = ['file', 'quantity', 'abs. error', 'rel. error', 'tolerance', 'result'] as const

/** The table, line by line as its rows come, so that a long run shows where it is. */
export class ReportTable {
  readonly #widths: readonly number[]

  constructor(files: readonly string[]) {
    this.#widths = [Math.max(4, ...files.map((file) => file.length)), 38, 10, 10, 18]
  }

  heading(): string {
    return `${this.#line(header)}\n${'-'.repeat(this.#widths.reduce((sum, width) => sum + width + 2, header[5].length))}`
  }

  row({ file, quantity, absoluteError, relativeError, tolerance = '', status, note }: ReportRow): string {
    const number = (value?: number): string => (value === undefined ? '' : value.toExponential(1))
    const result = note === undefined ? status : `${status}: ${note}`
    return this.#line([file, quantity, number(absoluteError), number(relativeError), tolerance, result])
  }

  #line(cells: readonly string[]): string {
    return cells.map((cell, column) => cell.padEnd(this.#widths[column] ?? 0)).join('  ')
  }
}

const statuses = ['pass', 'fail', 'unsupported', 'unknown'] as const

/** How many rows came out how, for each part and in all. */
export function summarize(rows: readonly ReportRow[]): string {
  const count = (of: readonly ReportRow[]): string =>
    statuses
      .map((status) => ({ status, n: of.filter((row) => row.status === status).length }))
      .filter(({ status, n }) => n > 0 || status === 'pass' || status === 'fail')
      .map(({ status, n }) => `${n} ${status === 'pass' ? 'passed' : status === 'fail' ? 'failed' : status}`)
      .join(', ')
  const parts = [...new Set(rows.map((row) => row.part))]
  const width = Math.max(...parts.map((part) => part.length), 3)
  const lines = parts.map((part) => `${part.padEnd(width)}  ${count(rows.filter((row) => row.part === part))}`)
  return [...lines, `${'all'.padEnd(width)}  ${count(rows)}`].join('\n')
}
