import type * as tf from '../../../bundled/tfjs.js'
import type { CpuBackend } from '../backend.js'
import { KernelId } from '../constants.js'
import { copyRows } from './copyRows.js'
import { kernel } from './kernel.js'
import { rowsOfTile } from './tile.js'

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
  const { runtime } = backend
  const { allocator, args } = runtime
  const width = dy.shape[1]!
  const out = backend.allocate([height, width])
  if (height === 0 || width === 0) return out.info
  const { starts, sources } = inverseOf(rows, height)
  const address = allocator.allocate(starts.byteLength + sources.byteLength)
  const words = new Int32Array(allocator.memory.buffer, address, starts.length + sources.length)
  words.set(starts)
  words.set(sources, starts.length)
  const tileRows = rowsOfTile(width)
  args[0] = backend.address(dy)
  args[1] = address
  args[2] = address + starts.byteLength
  args[3] = out.address
  args[4] = height
  args[5] = width * 4
  args[6] = tileRows
  runtime.run(KernelId.sumRows, Math.ceil(height / tileRows), (height + rows.length) * width)
  allocator.release(address)
  return out.info
}

/** Where each row of a matrix was selected to: the places of row i are sources[starts[i]] … sources[starts[i + 1] − 1], ascending. */
interface Inverse {
  readonly starts: Int32Array // [height + 1]
  readonly sources: Int32Array // [M]
}

/** Of the rows that layers of a pass hand over again and again. */
const inverses = new WeakMap<Int32Array, Inverse>()

function inverseOf(rows: Int32Array, height: number): Inverse {
  const known = inverses.get(rows)
  if (known?.starts.length === height + 1) return known
  const starts = new Int32Array(height + 1)
  for (const row of rows) starts[row + 1]!++
  for (let i = 0; i < height; i++) starts[i + 1]! += starts[i]!
  const next = starts.slice()
  const sources = new Int32Array(rows.length)
  for (const [i, row] of rows.entries()) sources[next[row]!++] = i
  const inverse = { starts, sources }
  inverses.set(rows, inverse)
  return inverse
}

export const selectRowsKernels = [kernel('SelectRows', selectRows), kernel('SelectRowsGradient', selectRowsGradient)]
