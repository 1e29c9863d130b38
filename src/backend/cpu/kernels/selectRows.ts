import type * as tf from '../../../bundled/tfjs.js'
import type { CpuBackend } from '../backend.js'
import { copyRows } from './copyRows.js'
import { kernel } from './kernel.js'

interface SelectRowsAttributes {
  rows: Int32Array // [M]
  /** Rows of the matrix that is selected from. */
  height: number
}

export function selectRows(
  backend: CpuBackend,
  { x }: { x: tf.TensorInfo }, // [N, D]
  { rows }: SelectRowsAttributes,
): tf.TensorInfo {
  const width = x.shape[1]!
  const out = backend.allocate([rows.length, width])
  copyRows(backend, { address: backend.address(x), rows }, { address: out.address, rows: null }, width)
  return out.info
}

/** Adds each row of dy to the row that it was selected from. */
export function selectRowsGradient(
  backend: CpuBackend,
  { dy }: { dy: tf.TensorInfo }, // [M, D]
  { rows, height }: SelectRowsAttributes,
): tf.TensorInfo {
  const width = dy.shape[1]!
  const out = backend.allocate([height, width])
  const from = backend.floats(dy)
  const to = backend.floats(out.info).fill(0)
  for (let i = 0; i < rows.length; i++) {
    const at = rows[i]! * width
    for (let j = 0; j < width; j++) to[at + j]! += from[i * width + j]!
  }
  return out.info
}

export const selectRowsKernels = [kernel('SelectRows', selectRows), kernel('SelectRowsGradient', selectRowsGradient)]
