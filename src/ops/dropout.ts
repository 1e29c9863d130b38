import * as tf from '../bundled/tfjs.js'
import { ShapeError } from '../errors.js'
import { hasKernel, registerGradient, runKernel } from './kernel.js'
import { mix } from './mix.js'

/** Which numbers are left out. */
export interface DropoutMask {
  /** With what probability, from 0 to below 1. */
  readonly probability: number
  /** Key of each row: rows with the same key lose the same columns. */
  readonly rowKeys: Int32Array // [N]
  /** Another key, by which masks of equal rows differ. */
  readonly key: number
}

/**
 * Dropout (Srivastava et al. 2014): y = x / (1 − p) where a number is kept, 0 where it is left out, with probability p. The gradient
 * is masked in the same way.
 *
 * Whether x[i, j] is kept depends on p, key, rowKeys[i] and j alone: a hash of them takes the place of a random number. So a mask can
 * be computed again, and neither the number of threads nor the rows beside it change it.
 */
export function dropout(x: tf.Tensor2D /* [N, D] */, mask: DropoutMask): tf.Tensor2D /* [N, D] */ {
  if (mask.rowKeys.length !== x.shape[0]) {
    throw new ShapeError(`dropout: ${mask.rowKeys.length} row keys for a matrix with ${x.shape[0]} rows`)
  }
  if (!hasKernel('KeyedDropout')) return dropoutReference(x, mask)
  return runKernel<tf.Tensor2D>('KeyedDropout', { x }, mask)
}

/** {@link dropout} from plain tfjs ops. */
function dropoutReference(x: tf.Tensor2D, { probability, rowKeys, key }: DropoutMask): tf.Tensor2D {
  const [rows, columns] = x.shape
  const limit = dropoutLimit(probability)
  const scale = Math.fround(1 / (1 - probability))
  const factors = new Float32Array(rows * columns)
  for (let i = 0; i < rows; i++) {
    const rowKey = mix(rowKeys[i]! ^ mix(key))
    for (let j = 0; j < columns; j++) {
      const isKept = mix(rowKey ^ Math.imul(j + 1, GOLDEN)) >>> 0 >= limit
      factors[i * columns + j] = isKept ? scale : 0
    }
  }
  return tf.mul(x, tf.tensor2d(factors, [rows, columns]))
}

/** 2^32 / golden ratio, odd: multiples of it are spread evenly. */
const GOLDEN = 0x9e3779b1

/** A hash below this, as an unsigned number of 32 bits, leaves a number out. */
export function dropoutLimit(probability: number): number {
  return Math.round(probability * 2 ** 32)
}

registerGradient<[], DropoutMask>('KeyedDropout', {
  gradients: ([dy], _saved, mask) => ({ x: () => runKernel('KeyedDropout', { x: dy }, mask) }),
})
