import fs from 'node:fs'
import path from 'node:path'
import { percent, threeDigits } from '../src/cli/terminal/table.js'
import { JsonLinesWriter } from '../src/io/jsonLines.js'

/** One measurement: what was measured, on what, and the numbers. Keys are in snake_case and end with their unit. */
export interface BenchRecord {
  readonly benchmark: string
  readonly [key: string]: string | number | boolean | null
}

/** Takes the records of a run and its tables. */
export interface Report {
  /** Writes a measurement as a JSON line. */
  record(record: BenchRecord): void
  /** Prints a heading and a table. */
  table(heading: string, table: string): void
  /** Says what is being measured, on standard error. */
  progress(what: string): void
  close(): void
}

/** A report whose tables go to standard output and whose JSON lines replace a file. */
export function createReport(file: string): Report {
  fs.mkdirSync(path.dirname(path.resolve(file)), { recursive: true })
  const lines = new JsonLinesWriter(file, { append: false })
  return {
    record: (record) => {
      lines.write(record)
    },
    table: (heading, table) => {
      if (table !== '') process.stdout.write(`\n${heading}\n\n${table}`)
    },
    progress: (what) => {
      process.stderr.write(`${what} …\n`)
    },
    close: () => {
      lines.close()
    },
  }
}

/** A number to three digits, as JSON lines hold it: more would be noise. */
export function rounded(value: number): number {
  return Number(value.toPrecision(4))
}

/** The text of a number of a record, to three digits, for a table; null where it has none. */
export function numberOf(key: string): (record: BenchRecord) => string | null {
  return (record) => threeDigits(record[key] as number | null | undefined)
}

/** The same of a share, in percent. */
export function percentOf(key: string): (record: BenchRecord) => string | null {
  return (record) => percent(record[key] as number | null | undefined)
}
