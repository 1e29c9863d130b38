import * as tf from '../src/bundled/tfjs.js'
import { uniformFloat32 } from 'pure-rand/distribution/uniformFloat32'
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus'
import { float32ToBfloat16 } from '../src/io/dtypes.js'
import { createWeight, readWeight } from '../src/ops/weight.js'
import type { Weight } from '../src/ops/weight.js'
import { quantizedMatrix } from '../src/quantization/quantizedMatrix.js'
import type { QuantizedMatrix } from '../src/quantization/quantizedMatrix.js'
import { integerFormat, isQuantized } from '../src/quantization/weightFormat.js'
import type { QuantizedDtype, WeightFormat } from '../src/quantization/weightFormat.js'

const random = xoroshiro128plus(0)
/** Large matrices repeat these: drawing every number would take longer than multiplying it. */
const values = Float32Array.from({ length: 1_000_003 }, () => 2 * uniformFloat32(random) - 1)

/** Numbers between −1 and 1. */
export function randomValues(size: number): Float32Array {
  const result = new Float32Array(size)
  for (let i = 0; i < size; i += values.length) result.set(values.subarray(0, size - i), i)
  return result
}

export function randomMatrix(rows: number, columns: number): tf.Tensor2D {
  return tf.tensor2d(randomValues(rows * columns), [rows, columns])
}

/** What a weight is kept in. */
export type WeightKind = 'float32' | 'bfloat16' | QuantizedDtype

export function formatOf(kind: WeightKind): WeightFormat {
  return kind === 'float32' || kind === 'bfloat16' ? kind : integerFormat(kind)
}

export function randomWeight(out: number, width: number, kind: WeightKind): Weight {
  const format = formatOf(kind)
  if (isQuantized(format)) {
    const read = (_: number, count: number): QuantizedMatrix => {
      const matrix = quantizedMatrix([count, width], format)
      matrix.codes.set(new Uint8Array(randomValues(Math.ceil(matrix.codes.length / 4)).buffer, 0, matrix.codes.length))
      matrix.scales.set(randomValues(matrix.scales.length))
      return matrix
    }
    return readWeight({ name: 'a random weight', shape: [out, width], format, storedBytes: 0, read })
  }
  const numbers = randomValues(out * width)
  return createWeight([out, width], kind === 'bfloat16' ? float32ToBfloat16(numbers) : numbers)
}
