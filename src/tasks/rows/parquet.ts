import { parquetMetadata } from 'hyparquet'
import type { DecodedArray, FileMetaData, RowGroup, SchemaTree } from 'hyparquet'
import { compressors } from 'hyparquet-compressors'
import { assembleNested } from 'hyparquet/src/assemble.js'
import { readColumn } from 'hyparquet/src/column.js'
import { DEFAULT_PARSERS } from 'hyparquet/src/convert.js'
import { getTreePath } from 'hyparquet/src/schema.js'
import { flatten } from 'hyparquet/src/utils.js'
import { FileFormatError } from '../../errors.js'
import { parseExactJson } from '../../io/exactJson.js'
import { FileReader } from '../../io/fileReader.js'
import { withTimeLimit } from '../../io/timeLimit.js'
import { checkParquetLayout } from './parquetLayout.js'
import { setValue, takeDecimals } from './parquetValues.js'
import type { Row } from './readRows.js'

const MAGIC_BYTES = 4
/** Far more than decoding takes; some damaged pages would be decoded for ever. */
const MILLISECONDS = 5000
const MILLISECONDS_PER_BYTE = 1e-3

const parsers = { ...DEFAULT_PARSERS, stringFromBytes: decodeStrictly, jsonFromBytes: decodeJson }

/**
 * Rows of a parquet file, in any compression that parquet knows. Throws a FileFormatError for one that is damaged.
 *
 * The decoder's synchronous parts are called one by one: its own reader starts several promises before it looks at the first,
 * and one that fails meanwhile would end the process.
 */
export function* readParquet(file: string): Generator<Row> {
  const reader = new FileReader(file)
  try {
    const metadata = readMetadata(reader)
    const schema = checkParquetLayout(reader, metadata)
    const scales = takeDecimals(metadata)
    let line = 0
    for (const group of metadata.row_groups) {
      const rows = Array.from({ length: Number(group.num_rows) }, (): Record<string, unknown> => ({}))
      for (const node of schema.children) {
        const values = readValues(reader, group, schema, node)
        if (values.length !== rows.length) {
          throw new Error(`the column ${node.element.name} has ${values.length} of ${rows.length} rows`)
        }
        rows.forEach((row, i) => {
          setValue(row, node.element.name, values[i], node, scales)
        })
      }
      for (const value of rows) yield { line: ++line, value }
    }
  } catch (cause) {
    if (cause instanceof FileFormatError) throw cause
    throw new FileFormatError(file, `cannot be read as parquet: ${reasonOf(cause)}; get the file again`, { cause })
  } finally {
    reader.close()
  }
}

/** The description at the end of the file: its bytes, their number and the four letters PAR1. */
function readMetadata(reader: FileReader): FileMetaData {
  const end = Buffer.alloc(2 * MAGIC_BYTES)
  if (reader.size < end.length) throw new Error(`it has ${reader.size} bytes`)
  reader.read(end, reader.size - end.length)
  const length = end.readUInt32LE()
  if (end.toString('latin1', MAGIC_BYTES) !== 'PAR1' || length > reader.size - end.length) {
    throw new Error('it does not end as parquet does')
  }
  const bytes = new Uint8Array(length + end.length)
  reader.read(bytes, reader.size - bytes.length)
  return withTimeLimit(MILLISECONDS, () => parquetMetadata(bytes, { geoparquet: false }))
}

/** The values of a column in a group of rows; of a nested column objects and lists. */
function readValues(reader: FileReader, group: RowGroup, schema: SchemaTree, node: SchemaTree): DecodedArray {
  const leaves = new Map<string, DecodedArray>()
  for (const { meta_data: column } of group.columns) {
    if (column?.path_in_schema[0] !== node.element.name) continue
    const schemaPath = getTreePath(schema, column.path_in_schema)
    const bytes = new Uint8Array(Number(column.total_compressed_size))
    reader.read(bytes, Number(column.dictionary_page_offset ?? column.data_page_offset))
    const numRows = Number(group.num_rows)
    const selection = { groupStart: 0, selectStart: 0, selectEnd: numRows, groupRows: numRows }
    const decoder = { ...column, pathInSchema: column.path_in_schema, element: schemaPath.at(-1)!.element, schemaPath }
    const { data } = withTimeLimit(MILLISECONDS + bytes.length * MILLISECONDS_PER_BYTE, () =>
      readColumn({ view: new DataView(bytes.buffer), offset: 0 }, selection, {
        ...decoder,
        parsers,
        compressors,
        utf8: false,
      }),
    )
    leaves.set(column.path_in_schema.join('.'), flatten(data))
  }
  if (node.children.length > 0) assembleNested(leaves, node, parsers)
  return leaves.get(node.element.name) ?? []
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
