import type * as tf from '@tensorflow/tfjs'
import type { CpuBackend } from '../backend.js'
import { kernel } from './kernel.js'

/** Writes rows into the table in place; the result is the same memory. */
function writeRows(
  backend: CpuBackend,
  { table, rows }: { table: tf.TensorInfo /* [S, D] */; rows: tf.TensorInfo /* [N, D] */ },
  { slots }: { slots: Int32Array /* [N] */ },
): tf.TensorInfo {
  const width = table.shape[1]!
  // Taking the address moves the table out of an array of the caller's, which must not change.
  backend.address(table)
  const from = backend.floats(rows)
  const to = backend.floats(table)
  for (let row = 0; row < slots.length;) {
    // Slots that follow each other (a sequence's prompt) are copied at once.
    let end = row + 1
    while (end < slots.length && slots[end] === slots[end - 1]! + 1) end++
    to.set(from.subarray(row * width, end * width), slots[row]! * width)
    row = end
  }
  backend.incRef(table.dataId)
  return { dataId: table.dataId, shape: table.shape, dtype: table.dtype }
}

export const writeRowsKernels = [kernel('WriteRows', writeRows)]
