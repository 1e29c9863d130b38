import { FileFormatError } from '../../errors.js'
import { parseExactJson } from '../../io/exactJson.js'
import { FileReader } from '../../io/fileReader.js'
import { isJsonObject } from '../../io/json.js'
import { readLines } from '../../io/jsonLines.js'
import { decodeText, decodeUtf8 } from '../../io/textEncoding.js'
import type { Row, RowOptions } from './readRows.js'

/** Rows of JSON Lines. A line that is not JSON, or has a key twice, comes as a row with an error. */
export async function* readJsonLinesRows(
  file: string,
  { encoding, isCompressed = false }: RowOptions & { isCompressed?: boolean } = {},
): AsyncGenerator<Row> {
  for await (const { line, bytes } of readLines(file, { encoding, isCompressed })) {
    yield parseRow(line, decodeUtf8(`${file}:${line}`, bytes))
  }
}

/**
 * Rows of a JSON file: an array of objects, or an object with one such array (`{"version": "1", "data": […]}`); also JSON
 * Lines, which many data sets name so. Throws a FileFormatError for anything else.
 */
export async function* readJsonFileRows(file: string, { encoding }: RowOptions = {}): AsyncGenerator<Row> {
  const text = decodeText(file, readBytes(file), encoding)
  let value: unknown
  try {
    value = parseExactJson(text)
  } catch (cause) {
    if (!isJsonLines(text)) throw notJson(file, text, cause as Error)
    yield* readJsonLinesRows(file, { encoding })
    return
  }
  const rows = listOf(value)
  if (rows === null) throw new FileFormatError(file, 'holds no list of rows; expected a JSON array of objects')
  let line = 0
  for (const row of rows) yield { line: ++line, value: row }
}

function parseRow(line: number, text: string): Row {
  try {
    return { line, value: parseExactJson(text) }
  } catch (error) {
    const { message } = error as Error
    return { line, value: undefined, error: message.startsWith('has ') ? message : `is not valid JSON (${message})` }
  }
}

function listOf(value: unknown): readonly unknown[] | null {
  if (Array.isArray(value)) return value as unknown[]
  const lists = isJsonObject(value) ? Object.values(value).filter((entry) => Array.isArray(entry)) : []
  return lists.length === 1 ? (lists[0] as unknown[]) : null
}

/** Whether the first line is a value by itself and others follow it. */
function isJsonLines(text: string): boolean {
  const [first = '', second] = text.trim().split(/\n(?=\s*\S)/, 2)
  if (second === undefined || !first.startsWith('{')) return false
  return parseRow(1, first).error === undefined
}

/** The error with its line, for the library names the position alone. */
function notJson(file: string, text: string, cause: Error): FileFormatError {
  const position = /at position (\d+)/.exec(cause.message)?.[1]
  const line = position === undefined ? null : text.slice(0, Number(position)).split('\n').length
  const where = line === null ? file : `${file}:${line}`
  const reason = cause.message.startsWith('has ') ? cause.message : `is not valid JSON (${cause.message})`
  return new FileFormatError(where, `${reason}; correct it, or get the file again`, { cause })
}

function readBytes(file: string): Uint8Array {
  const reader = new FileReader(file)
  try {
    const bytes = new Uint8Array(reader.size)
    reader.read(bytes, 0)
    return bytes
  } catch (cause) {
    if (cause instanceof FileFormatError) throw cause
    throw new FileFormatError(
      file,
      `has ${reader.size} bytes, too many to be read at once; give JSON Lines or parquet instead`,
      { cause },
    )
  } finally {
    reader.close()
  }
}
