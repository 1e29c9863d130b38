import * as tf from '../bundled/tfjs.js'
import { ShapeError } from '../errors.js'
import { hasKernel, runKernel } from './kernel.js'

/**
 * Writes rows into a table that lives on: the new keys and values into a KV cache. Takes the table over and returns what replaces
 * it, which lives until it is disposed: the same memory where the backend has a kernel, a changed copy elsewhere. It has no
 * gradient.
 * @throws ShapeError when the widths or the numbers of rows differ, or a slot is not a row of the table
 */
export function writeRows(
  table: tf.Tensor2D, // [S, D]
  rows: tf.Tensor2D, // [N, D]
  slots: Int32Array, // [N], the row of the table that each row goes to; no two the same
): tf.Tensor2D /* [S, D] */ {
  const [height, width] = table.shape
  if (rows.shape[0] !== slots.length || rows.shape[1] !== width) {
    throw new ShapeError(
      `writeRows got rows of shape [${rows.shape.join(', ')}] for ${slots.length} slots of a table with ${width} columns`,
    )
  }
  const bad = slots.find((slot) => !(slot >= 0 && slot < height))
  if (bad !== undefined) throw new ShapeError(`writeRows got slot ${bad} for a table of ${height} rows`)
  const changed = hasKernel('WriteRows')
    ? runKernel<tf.Tensor2D>('WriteRows', { table, rows }, { slots })
    : writeRowsReference(table, rows, slots)
  table.dispose()
  return tf.keep(changed)
}

/** {@link writeRows} as a new tensor, from plain tfjs ops; leaves the table alone. */
export function writeRowsReference(table: tf.Tensor2D, rows: tf.Tensor2D, slots: Int32Array): tf.Tensor2D {
  return tf.tidy(() => {
    const indices = tf.tensor2d(slots, [slots.length, 1], 'int32')
    // A copy of the table, since tfjs's plain cpu backend writes into the tensor that it is given.
    return tf.tensorScatterUpdate(tf.mul(table, 1), indices, rows) as tf.Tensor2D
  })
}
