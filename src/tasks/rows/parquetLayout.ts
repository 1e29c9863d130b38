import { parquetSchema } from 'hyparquet'
import type { ColumnMetaData, FileMetaData, SchemaTree } from 'hyparquet'
import { parquetHeader } from 'hyparquet/src/column.js'
import { getPhysicalColumns } from 'hyparquet/src/schema.js'
import type { FileReader } from '../../io/fileReader.js'
import { quote } from '../../io/json.js'

/** A file of rows that say something has no more rows than bytes: dictionaries and runs can make a billion of a few bytes. */
const ROWS_PER_BYTE = 1
const VALUES_PER_BYTE = 16

/**
 * Checks what a parquet file says of itself before anything is decoded: names, places and counts must fit together and fit
 * the file, so that neither a damaged nor a hostile file makes the decoder allocate what was never there. Returns the schema.
 * Throws an Error that says what is wrong.
 */
export function checkParquetLayout(reader: FileReader, metadata: FileMetaData): SchemaTree {
  const schema = parquetSchema(metadata)
  const columns = schema.children.map(({ element }) => element.name)
  const second = columns.find((name, i) => columns.indexOf(name) < i)
  if (second !== undefined) throw new Error(`it has two columns ${quote(second)}`)
  const leaves = getPhysicalColumns(schema)
  let rows = 0
  for (const group of metadata.row_groups) {
    rows += countOf(group.num_rows, 'rows')
    if (rows > reader.size * ROWS_PER_BYTE) throw new Error(`it claims ${rows} rows in a file of ${reader.size} bytes`)
    const names = group.columns.map(({ meta_data: data }) => data?.path_in_schema.join('.'))
    if (names.length !== leaves.length || names.some((name, i) => name !== leaves[i])) {
      throw new Error(`its parts have the columns ${quote(names)}, its schema ${quote(leaves)}`)
    }
    group.columns.forEach(({ meta_data: data }, i) => {
      if (data === undefined) throw new Error(`the column ${quote(leaves[i])} is not described`)
      const values = countOf(data.num_values, 'values')
      if (values > reader.size * VALUES_PER_BYTE) {
        throw new Error(`the column ${quote(leaves[i])} claims ${values} values in a file of ${reader.size} bytes`)
      }
      checkPages(reader, data, values)
    })
  }
  return schema
}

/** The pages of a column lie in the file, one after another, and hold as many values as the column. */
function checkPages(reader: FileReader, column: ColumnMetaData, numValues: number): void {
  const name = quote(column.path_in_schema.join('.'))
  const begin = countOf(column.dictionary_page_offset ?? column.data_page_offset, 'bytes')
  const length = countOf(column.total_compressed_size, 'bytes')
  if (begin + length > reader.size) throw new Error(`the column ${name} ends behind the end of the file`)
  const bytes = new Uint8Array(length)
  reader.read(bytes, begin)
  const cursor = { view: new DataView(bytes.buffer), offset: 0 }
  let values = 0
  while (cursor.offset < length && values < numValues) {
    const header = parquetHeader(cursor)
    cursor.offset += countOf(header.compressed_page_size, 'bytes')
    if (cursor.offset > length) throw new Error(`a page of the column ${name} is cut`)
    const size = countOf(header.uncompressed_page_size, 'bytes')
    if (size > countOf(column.total_uncompressed_size, 'bytes')) {
      throw new Error(`a page of the column ${name} claims ${size} bytes, more than the whole column`)
    }
    values += countOf((header.data_page_header ?? header.data_page_header_v2)?.num_values ?? 0, 'values')
    // A value of a dictionary takes a bit at least.
    if (countOf(header.dictionary_page_header?.num_values ?? 0, 'values') > 8 * size) {
      throw new Error(`a page of the column ${name} claims more values than its bytes can hold`)
    }
  }
  if (values !== numValues) throw new Error(`the pages of the column ${name} hold ${values} of ${numValues} values`)
}

function countOf(value: number | bigint, what: string): number {
  const count = Number(value)
  if (Number.isSafeInteger(count) && count >= 0) return count
  throw new Error(`it claims ${String(value)} ${what}`)
}
