import fs from 'node:fs'
import { Readable, pipeline } from 'node:stream'
import { parse } from 'csv-parse'
import { FileFormatError } from '../../errors.js'
import { quote } from '../../io/json.js'
import { asUtf8, decodeUtf8 } from '../../io/textEncoding.js'
import type { Row } from './readRows.js'

/** Several names in one: spreadsheets write semicolons where the comma is the decimal point. */
const OTHER_SEPARATOR = /^[\p{L}\p{N}_.-]+([;\t][\p{L}\p{N}_.-]+)+$/u

/** A longer row is refused: a quote that is not closed would take in the rest of the file. */
const MAX_ROW_BYTES = 64 * 1024 * 1024

/** What the library gives for a row when it is asked for bytes and for where they stand. */
interface ParsedRow {
  readonly record: readonly Buffer[]
  readonly info: { readonly lines: number }
}

/**
 * Rows of separated values (RFC 4180): the first line names the columns. A row with another number of values than columns
 * comes with an error; empty lines are skipped. Throws a FileFormatError for a quote that is not closed, for two columns of
 * one name, for another separator and for text in another encoding.
 */
export async function* readCsv(file: string, delimiter: string, encoding?: string): AsyncGenerator<Row> {
  const parser = parse({
    delimiter,
    encoding: null,
    info: true,
    max_record_size: MAX_ROW_BYTES,
    relax_column_count: true,
    relax_quotes: true,
    skip_empty_lines: true,
  })
  const text = Readable.from(asUtf8(file, fs.createReadStream(file), encoding), { objectMode: false })
  let columns: string[] | null = null
  try {
    for await (const { record, info } of pipeline(text, parser, () => undefined) as AsyncIterable<ParsedRow>) {
      const line = info.lines - record.reduce((breaks, value) => breaks + lineBreaksIn(value), 0)
      const values = record.map((value) => decodeUtf8(`${file}:${line}`, value))
      if (columns === null) columns = namesOf(file, values, delimiter)
      else if (values.length === columns.length) {
        yield { line, value: Object.fromEntries(columns.map((name, i) => [name, values[i]])) }
      } else yield { line, value: undefined, error: `has ${values.length} values for ${columns.length} columns` }
    }
  } catch (cause) {
    if (cause instanceof FileFormatError) throw cause
    throw new FileFormatError(file, `cannot be read as separated values: ${(cause as Error).message}`, { cause })
  }
}

function namesOf(file: string, header: readonly string[], delimiter: string): string[] {
  const names = header.map((name) => name.trim())
  const [only = ''] = names
  if (names.length === 1 && OTHER_SEPARATOR.test(only)) {
    throw new FileFormatError(
      file,
      `names one column, ${quote(only)}; expected ${quote(delimiter)} between columns, not ';' or tabs (which a .tsv has)`,
    )
  }
  const second = names.findIndex((name, i) => names.indexOf(name) < i)
  if (second < 0) return names
  const name = names[second]!
  throw new FileFormatError(
    file,
    `has two columns ${quote(name)} (${names.indexOf(name) + 1} and ${second + 1}); rename or remove one of them`,
  )
}

function lineBreaksIn(value: Buffer): number {
  let breaks = 0
  for (let at = value.indexOf(10); at >= 0; at = value.indexOf(10, at + 1)) breaks++
  return breaks
}
