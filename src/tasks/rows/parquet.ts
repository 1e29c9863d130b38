import { parquetMetadataAsync, parquetScan } from 'hyparquet'
import type { AsyncBuffer, ParquetScan, SchemaTree } from 'hyparquet'
import { compressors } from 'hyparquet-compressors'
import { FileFormatError } from '../../errors.js'
import { parseExactJson } from '../../io/exactJson.js'
import { FileReader } from '../../io/fileReader.js'
import { checkParquetLayout } from './parquetLayout.js'
import { setValue, takeDecimals } from './parquetValues.js'
import type { DecimalScales } from './parquetValues.js'
import type { Row } from './readRows.js'

/**
 * Rows of a parquet file, in any compression that parquet knows. Throws a FileFormatError for one that is damaged. No promise
 * is left without a handler: one column is decoded after another, and reading never rejects (see {@link fileOf}).
 */
export async function* readParquet(file: string): AsyncGenerator<Row> {
  const reader = new FileReader(file)
  const source = fileOf(reader)
  try {
    const metadata = await parquetMetadataAsync(source, { geoparquet: false })
    const schema = checkParquetLayout(reader, metadata)
    const scales = takeDecimals(metadata)
    const parsers = { stringFromBytes: decodeStrictly, jsonFromBytes: (bytes: Uint8Array) => decodeJson(bytes) }
    const scan = await parquetScan({ file: source, metadata, compressors, parsers, utf8: false, geoparquet: false })
    let line = 0
    for (const range of scan.ranges) {
      for (const value of await rowsOf(scan, range, schema, scales)) yield { line: ++line, value }
    }
  } catch (cause) {
    if (cause instanceof FileFormatError) throw cause
    const error = source.error ?? cause
    throw new FileFormatError(file, `cannot be read as parquet: ${reasonOf(error)}; get the file again`, {
      cause: error,
    })
  } finally {
    reader.close()
  }
}

async function rowsOf(
  scan: ParquetScan,
  range: ParquetScan['ranges'][number],
  schema: SchemaTree,
  scales: DecimalScales,
): Promise<Record<string, unknown>[]> {
  const count = range.rowEnd - range.rowStart
  const rows = Array.from({ length: count }, (): Record<string, unknown> => ({}))
  for (const node of schema.children) {
    const { name } = node.element
    const values = await scan.readColumn({ column: name, rowStart: range.rowStart, rowEnd: range.rowEnd })
    if (values.length !== count) throw new Error(`the column ${name} has ${values.length} of ${count} rows`)
    rows.forEach((row, i) => {
      setValue(row, name, values[i], node, scales)
    })
  }
  return rows
}

/**
 * A file as hyparquet reads it. It starts several reads before it looks at the first, so one that rejected would end the
 * process; what goes wrong is kept instead, and what cannot be read is empty, which the decoder refuses.
 */
function fileOf(reader: FileReader): AsyncBuffer & { error?: unknown } {
  const source: AsyncBuffer & { error?: unknown } = {
    byteLength: reader.size,
    slice(start, end = reader.size) {
      try {
        const begin = Math.max(0, Math.min(start, reader.size))
        const bytes = new Uint8Array(Math.max(0, Math.min(end, reader.size) - begin))
        reader.read(bytes, begin)
        return bytes.buffer
      } catch (error) {
        source.error ??= error
        return new ArrayBuffer(0)
      }
    },
  }
  return source
}

/** The library's own words, but for those that JavaScript has for a structure that is not as it should be. */
function reasonOf(error: unknown): string {
  if (error instanceof TypeError || error instanceof RangeError) return 'its structure is damaged'
  return error instanceof Error ? error.message : String(error)
}

function decodeStrictly(bytes: Uint8Array | undefined): string | undefined {
  if (bytes === undefined) return undefined
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch (cause) {
    throw new Error('a text in it is not UTF-8', { cause })
  }
}

function decodeJson(bytes: Uint8Array | undefined): unknown {
  const text = decodeStrictly(bytes)
  return text === undefined ? undefined : parseExactJson(text)
}
