import * as tf from '../bundled/tfjs.js'
import { ShapeError } from '../errors.js'
import { hasKernel, registerGradient, runKernel } from './kernel.js'

/**
 * Rows of a matrix in any order, any of them several times: y[i] = x[rows[i]]. The gradient of a row is the sum of the
 * gradients of its copies, in their order.
 */
export function selectRows(
  x: tf.Tensor2D, // [N, D]
  /** What is worked out from them is kept for the very same list, which therefore must not be changed. */
  rows: Int32Array, // [M]
): tf.Tensor2D /* [M, D] */ {
  const bad = rows.find((row) => !(row >= 0 && row < x.shape[0]))
  if (bad !== undefined) throw new ShapeError(`selectRows: row ${bad} of a matrix with ${x.shape[0]} rows`)
  if (!hasKernel('SelectRows')) return selectRowsReference(x, rows)
  return runKernel<tf.Tensor2D>('SelectRows', { x }, { rows, height: x.shape[0] })
}

/** {@link selectRows} from plain tfjs ops. */
function selectRowsReference(x: tf.Tensor2D, rows: Int32Array): tf.Tensor2D {
  return tf.gather(x, tf.tensor1d(rows, 'int32'))
}

registerGradient('SelectRows', {
  gradients: ([dy], _saved, attributes) => ({ x: () => runKernel('SelectRowsGradient', { dy }, attributes) }),
})
