import { GrpoError, ShapeError } from '../errors.js'
import { bfloat16ToFloat32 } from '../io/dtypes.js'
import { quantizeRowsPlainly } from './plainQuantizer.js'
import { quantizedMatrix } from './quantizedMatrix.js'
import type { QuantizedMatrix } from './quantizedMatrix.js'
import { integerFormat } from './weightFormat.js'
import type { QuantizedDtype } from './weightFormat.js'
import { quantizeRowsInVectors } from './vectorQuantizer.js'

/**
 * Quantises numbers symmetrically, W ≈ scale · code, with the scale of each group that makes the sum of squared errors smallest among
 * some: for each of several steps codes are rounded to nearest, and the scale is fitted to them by least squares, Σ w·q / Σ q². Of
 * 4 bits, the number of a group that is largest in size stands at the end that has one code more (−8).
 * @throws ShapeError when the numbers are not as many as the shape says, GrpoError when one is not finite
 */
export function quantize(
  values: Float32Array | Uint16Array, // [out, width], float32 or the bits of bfloat16 numbers
  shape: readonly [out: number, width: number],
  dtype: QuantizedDtype,
  /** Inputs that have a scale in common. */
  groupSize: number,
): QuantizedMatrix {
  const [out, width] = shape
  if (values.length !== out * width) {
    throw new ShapeError(`a matrix of shape [${shape.join(', ')}] got ${values.length} values`)
  }
  const matrix = quantizedMatrix(shape, integerFormat(dtype, groupSize))
  if (quantizeRowsInVectors(values, matrix) ?? quantizeRowsPlainly(toFloat32(values), matrix)) return matrix
  const bad = toFloat32(values).find((value) => !Number.isFinite(value))
  throw new GrpoError(`a weight is ${bad}; expected a finite number`)
}

function toFloat32(values: Float32Array | Uint16Array): Float32Array {
  return values instanceof Float32Array ? values : bfloat16ToFloat32(values)
}
