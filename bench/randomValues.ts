import * as tf from '../src/bundled/tfjs.js'
import { uniformFloat32 } from 'pure-rand/distribution/uniformFloat32'
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus'
import { float32ToBfloat16 } from '../src/io/dtypes.js'
import { createWeight } from '../src/ops/weight.js'
import type { Weight } from '../src/ops/weight.js'

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

export function randomWeight(out: number, width: number, dtype: 'float32' | 'bfloat16'): Weight {
  const numbers = randomValues(out * width)
  return createWeight([out, width], dtype === 'bfloat16' ? float32ToBfloat16(numbers) : numbers)
}
