import { DataError } from '../../errors.js'
import { checkEncoding } from '../../io/textEncoding.js'
import { readCsv } from './csv.js'
import { readJsonFileRows, readJsonLinesRows } from './jsonRows.js'
import { readParquet } from './parquet.js'

/** One row of a data file. */
export interface Row {
  /** The line in a file of JSON lines or separated values, where the row begins; the row in a file of another kind; from 1. */
  readonly line: number
  readonly value: unknown
  /** Why the row cannot be read; its value is then undefined. */
  readonly error?: string
}

export interface RowOptions {
  /**
   * Encoding of a text file, by its label in the Encoding standard (`windows-1252`, `gb18030`). Defaults to UTF-8, or UTF-16
   * where a byte order mark says so.
   */
  readonly encoding?: string | undefined
}

/** What {@link readRows} can read, in the order in which a folder's files are preferred. */
export const rowFileTypes = ['.jsonl', '.jsonl.gz', '.json', '.csv', '.tsv', '.parquet'] as const

/** The kind of file, by its name; null for one that holds no rows. */
export function rowFileType(file: string): (typeof rowFileTypes)[number] | null {
  return rowFileTypes.find((type) => file.toLowerCase().endsWith(type)) ?? null
}

/**
 * Reads the rows of a file one after another: JSON lines (also compressed by gzip), a JSON array of objects, comma or tab
 * separated values with a line of column names, or parquet (any compression that parquet knows). Numbers are those of the
 * file: {@link textColumn} gives their text where JavaScript's number is another one. A line that is not JSON, and a line of
 * values that does not fit the columns, comes as a row with an error.
 *
 * Throws a {@link DataError} for another kind of file, and a FileFormatError for one that cannot be read.
 */
export async function* readRows(file: string, options: RowOptions = {}): AsyncGenerator<Row> {
  const { encoding } = options
  if (encoding !== undefined) checkEncoding(encoding)
  const type = rowFileType(file)
  if (type === '.jsonl' || type === '.jsonl.gz') {
    yield* readJsonLinesRows(file, { encoding, isCompressed: type === '.jsonl.gz' })
  } else if (type === '.json') yield* readJsonFileRows(file, options)
  else if (type === '.csv' || type === '.tsv') yield* readCsv(file, type === '.csv' ? ',' : '\t', encoding)
  else if (type === '.parquet') yield* readParquet(file)
  else {
    throw new DataError(`${file}: cannot tell how to read it; rows come from files named ${rowFileTypes.join(', ')}`)
  }
}

/** Where a row stands, for a message: `train.jsonl:7`, or `train.parquet, row 7`. */
export function placeOf(file: string, line: number): string {
  const type = rowFileType(file)
  return type === '.parquet' || type === '.json' ? `${file}, row ${line}` : `${file}:${line}`
}
