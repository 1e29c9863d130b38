import fs from 'node:fs'
import zlib from 'node:zlib'
import { asyncBufferFromFile, parquetReadObjects } from 'hyparquet'
import { compressors } from 'hyparquet-compressors'
import { DataError, FileFormatError } from '../../errors.js'
import { isJsonObject, parseJson } from '../../io/json.js'
import { readLines } from '../../io/jsonLines.js'
import { parseCsv } from './csv.js'

/** One row of a data file. */
export interface Row {
  /** The line in a JSON lines file, or the row in a file of another kind, from 1. */
  readonly line: number
  readonly value: unknown
  /** Why the row cannot be read; its value is then undefined. */
  readonly error?: string
}

/** What {@link readRows} can read, in the order in which a folder's files are preferred. */
export const rowFileTypes = ['.jsonl', '.jsonl.gz', '.json', '.csv', '.tsv', '.parquet'] as const

/** The kind of file, by its name; null for one that holds no rows. */
export function rowFileType(file: string): (typeof rowFileTypes)[number] | null {
  return rowFileTypes.find((type) => file.toLowerCase().endsWith(type)) ?? null
}

/**
 * Reads the rows of a file one after another: JSON lines (also compressed by gzip), a JSON array of objects, comma or tab
 * separated values with a line of column names, or parquet (any compression that parquet knows). Whole numbers of 64 bits
 * become numbers. A line that is not JSON, and a line of values that does not fit the columns, comes as a row with an error.
 *
 * Throws a {@link DataError} for another kind of file, and an error that names the file for one that cannot be read.
 */
export async function* readRows(file: string): AsyncGenerator<Row> {
  const type = rowFileType(file)
  if (type === '.jsonl' || type === '.jsonl.gz') yield* readJsonRows(file, type === '.jsonl.gz')
  else if (type === '.json') yield* numbered(readJsonArray(file))
  else if (type === '.csv' || type === '.tsv') yield* parseCsv(file, readText(file), type === '.csv' ? ',' : '\t')
  else if (type === '.parquet') yield* numbered(await readParquet(file))
  else {
    throw new DataError(`${file}: cannot tell how to read it; rows come from files named ${rowFileTypes.join(', ')}`)
  }
}

async function* readJsonRows(file: string, isCompressed: boolean): AsyncGenerator<Row> {
  let line = 0
  for await (const bytes of readLines(file, isCompressed ? zlib.createGunzip() : undefined)) {
    line++
    const text = Buffer.from(bytes).toString('utf8')
    if (text.trim() === '') continue
    let value: unknown
    try {
      value = JSON.parse(text)
    } catch (error) {
      yield { line, value: undefined, error: `is not valid JSON (${(error as Error).message})` }
      continue
    }
    yield { line, value }
  }
}

function readJsonArray(file: string): unknown[] {
  const value = parseJson(file, 'the file', fs.readFileSync(file))
  if (Array.isArray(value)) return value
  // Some files wrap their rows: {"version": "1", "data": […]}.
  const lists = isJsonObject(value)
    ? Object.values(value).filter((entry): entry is unknown[] => Array.isArray(entry))
    : []
  if (lists.length === 1) return lists[0]!
  throw new FileFormatError(file, 'holds no list of rows; expected a JSON array of objects')
}

function readText(file: string): string {
  try {
    return fs.readFileSync(file, 'utf8')
  } catch (cause) {
    throw new FileFormatError(file, `cannot be read (${(cause as Error).message}); check the path`, { cause })
  }
}

function* numbered(values: readonly unknown[]): Generator<Row> {
  let line = 0
  for (const value of values) yield { line: ++line, value }
}

async function readParquet(file: string): Promise<unknown[]> {
  try {
    const rows = await parquetReadObjects({ file: await asyncBufferFromFile(file), compressors })
    return rows.map(withoutBigInts)
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new FileFormatError(file, `cannot be read as parquet: ${reason}; download it again`, { cause: error })
  }
}

/** 64 bit integers as numbers, or as text if they are too large: JSON has no other place for them. */
function withoutBigInts(value: unknown): unknown {
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : String(value)
  if (Array.isArray(value)) return value.map(withoutBigInts)
  if (!isJsonObject(value) || Object.getPrototypeOf(value) !== Object.prototype) return value
  return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, withoutBigInts(entry)]))
}
