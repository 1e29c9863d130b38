import { parse } from 'csv-parse/sync'
import { FileFormatError } from '../../errors.js'
import type { Row } from './readRows.js'

/**
 * Rows of separated values (RFC 4180): the first line names the columns. A row with another number of values than columns
 * comes with an error; empty lines are skipped. Throws a FileFormatError for a quote that is not closed.
 */
export function* parseCsv(file: string, text: string, delimiter: string): Generator<Row> {
  let records: string[][]
  try {
    records = parse(text, {
      delimiter,
      bom: true,
      relax_column_count: true,
      relax_quotes: true,
      skip_empty_lines: true,
    })
  } catch (cause) {
    throw new FileFormatError(file, `cannot be read as separated values: ${(cause as Error).message}`, { cause })
  }
  const columns = (records.shift() ?? []).map((name) => name.trim())
  for (const [index, values] of records.entries()) {
    const line = index + 1
    if (values.length === columns.length) {
      yield { line, value: Object.fromEntries(columns.map((name, i) => [name, values[i]])) }
    } else yield { line, value: undefined, error: `has ${values.length} values for ${columns.length} columns` }
  }
}
