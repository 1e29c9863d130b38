import type * as tf from '../../../bundled/tfjs.js'
import type { CpuBackend } from '../backend.js'
import { copyRows } from './copyRows.js'
import { kernel } from './kernel.js'

/** Writes rows into the table in place; the result is the same memory. */
function writeRows(
  backend: CpuBackend,
  { table, rows }: { table: tf.TensorInfo /* [S, D] */; rows: tf.TensorInfo /* [N, D] */ },
  { slots }: { slots: Int32Array /* [N] */ },
): tf.TensorInfo {
  const width = table.shape[1]!
  // Taking the address moves the table out of an array of the caller's, which must not change.
  copyRows(
    backend,
    { address: backend.address(rows), rows: null },
    { address: backend.address(table), rows: slots },
    width,
  )
  backend.incRef(table.dataId)
  return { dataId: table.dataId, shape: table.shape, dtype: table.dtype }
}

export const writeRowsKernels = [kernel('WriteRows', writeRows)]
