import { FileFormatError, GrpoError } from '../errors.js'
import { bfloat16ToFloat32 } from '../io/dtypes.js'
import { quote } from '../io/json.js'
import { quantize } from './quantize.js'
import { dequantize } from './quantizedMatrix.js'
import type { QuantizedMatrix } from './quantizedMatrix.js'
import { DEFAULT_GROUP_SIZES, integerFormat } from './weightFormat.js'
import type { QuantizedDtype, WeightFormat } from './weightFormat.js'

/** Rows of a matrix: float32 numbers, the bits of bfloat16 ones, or codes. */
export type MatrixRows = Float32Array | Uint16Array | QuantizedMatrix

/** A matrix that is read some rows at a time, so that it is never in memory as a whole beside what is made of it. */
export interface MatrixSource {
  /** Of the tensor, for messages. */
  readonly name: string
  readonly shape: readonly [out: number, width: number]
  /** Of the rows that `read` gives. */
  readonly format: WeightFormat
  /** Bytes of the tensor in its file. */
  readonly storedBytes: number
  /** Rows first … first + count − 1. Throws a FileFormatError when the file is not what it should be. */
  read(first: number, count: number): MatrixRows
}

/** Numbers that are read at a time, at most, unless 16 rows are more. */
const PIECE_NUMBERS = 2 ** 20

/** Calls `use` with all rows of a matrix, in order, a multiple of 16 at a time but for the last. */
export function forEachPiece(
  source: MatrixSource,
  use: (rows: MatrixRows, first: number, count: number) => void,
): void {
  const [out, width] = source.shape
  const step = Math.max(16, Math.floor(PIECE_NUMBERS / Math.max(1, width) / 16) * 16)
  for (let first = 0; first < out; first += step) {
    const count = Math.min(step, out - first)
    use(source.read(first, count), first, count)
  }
}

/** A matrix that is in memory. */
export function sourceOf(
  shape: readonly [out: number, width: number],
  values: Float32Array | Uint16Array, // [out, width]
  name = 'a weight',
): MatrixSource {
  const width = shape[1]
  return {
    name,
    shape,
    format: values instanceof Float32Array ? 'float32' : 'bfloat16',
    storedBytes: values.byteLength,
    read: (first, count) => values.subarray(first * width, (first + count) * width),
  }
}

/** Rows as float32 numbers. */
export function widenRows(rows: MatrixRows): Float32Array {
  if (rows instanceof Float32Array) return rows
  return rows instanceof Uint16Array ? bfloat16ToFloat32(rows) : dequantize(rows)
}

/** The same matrix in float32. */
export function widenedSource(source: MatrixSource): MatrixSource {
  if (source.format === 'float32') return source
  return { ...source, format: 'float32', read: (first, count) => widenRows(source.read(first, count)) }
}

/** The same matrix, quantised while it is read. */
export function quantizedSource(
  source: MatrixSource,
  dtype: QuantizedDtype,
  groupSize: number = DEFAULT_GROUP_SIZES[dtype],
): MatrixSource {
  const width = source.shape[1]
  return {
    ...source,
    format: integerFormat(dtype, groupSize),
    read: (first, count) => {
      try {
        const rows = source.read(first, count)
        const numbers = rows instanceof Uint16Array ? rows : widenRows(rows)
        return quantize(numbers, [count, width], dtype, groupSize)
      } catch (error) {
        if (!(error instanceof GrpoError) || error instanceof FileFormatError) throw error
        throw new GrpoError(`${quote(source.name)} cannot be quantised: ${error.message}`, { cause: error })
      }
    },
  }
}
