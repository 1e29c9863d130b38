import type * as tf from '../../../bundled/tfjs.js'
import { forEachPiece, widenRows } from '../../../quantization/matrixSource.js'
import type { MatrixSource } from '../../../quantization/matrixSource.js'
import { isTrainable } from '../../../ops/weight.js'
import type { PackedWeight } from '../../../ops/weight.js'
import type { CpuBackend } from '../backend.js'
import { KernelId } from '../constants.js'
import { ADDRESS_HIGH, WEIGHT_ROWS } from '../kernelCalls.js'
import type { KernelCalls } from '../kernelCalls.js'
import { kernel } from './kernel.js'
import { rowsOfTile } from './tile.js'

/*
 * A frozen weight W [out, in] is stored in panels of 16 outputs: [ceil(out / 16)][in][16], the last panel filled up with zeros.
 * So the kernels read it in the order in which they need it, in both directions, and without a second copy.
 * In bfloat16, two values share a 32-bit word; which ones is said in assembly/gemm.ts (mode 1).
 */

/** Position of output `j` (0 … 15) among a panel's 16 bfloat16 values of one input. */
const BFLOAT16_POSITION = Int32Array.from({ length: 16 }, (_, j) => (j & 7) * 2 + (j >> 3))

/** Rough cost of a number of an embedding in multiply-adds: each lies in a cache line of its own. */
const EMBED_OPERATIONS = 64

/** Numbers of a packed weight [out, in], those that fill up the last panel included. */
function packedSize(out: number, width: number): number {
  return Math.ceil(out / 16) * width * 16
}

/** Writes a matrix [out, in] in panels; `position` says where in a row of 16 an output stands. */
function fillPanels<Values extends Float32Array | Uint16Array>(
  packed: Values, // [packedSize]
  values: Values, // [out · in]
  [out, width]: readonly [out: number, width: number],
  position: (output: number) => number,
): void {
  const panels = Math.ceil(out / 16)
  packed.fill(0, (panels - 1) * width * 16)
  for (let panel = 0; panel < panels; panel++) {
    const outputs = Math.min(16, out - panel * 16)
    for (let j = 0; j < outputs; j++) {
      const row = (panel * 16 + j) * width
      let at = panel * width * 16 + position(j)
      for (let k = 0; k < width; k++, at += 16) packed[at] = values[row + k]!
    }
  }
}

/**
 * Address of a weight's panels. A trained one lies in memory as it is, and a step of the optimizer makes a new tensor: its panels are
 * made when they are first asked for.
 */
export function weightPanels(backend: CpuBackend, weight: PackedWeight): number {
  return isTrainable(weight) ? matrixPanels(backend, weight.tensor) : backend.frozenAddress(weight.tensor)
}

/** Panels of a matrix that is trained, in the layout of a frozen weight. */
export function matrixPanels(backend: CpuBackend, matrix: tf.TensorInfo): number {
  const shape = matrix.shape as [number, number]
  return backend.derived(matrix, packedSize(...shape), (packed, values) => {
    fillPanels(packed, values, shape, (j) => j)
  })
}

/**
 * Panels of the rows of several matrices below each other, in a block of memory that the caller releases: products with all of them
 * become one. A column of its result does not depend on those beside it.
 */
export function jointPanels(
  backend: CpuBackend,
  matrices: readonly tf.TensorInfo[], // [·, in] each
): number {
  const { allocator } = backend.runtime
  const width = matrices[0]!.shape[1]!
  const rows = matrices.reduce((sum, { shape }) => sum + shape[0]!, 0)
  const values = new Float32Array(rows * width)
  let at = 0
  for (const matrix of matrices) {
    const own = backend.floats(matrix)
    values.set(own, at)
    at += own.length
  }
  const size = packedSize(rows, width)
  const address = allocator.allocate(size * 4)
  fillPanels(new Float32Array(allocator.memory.buffer, address, size), values, [rows, width], (j) => j)
  return address
}

/** Whether matrices of so many rows fill fewer panels together than each alone. */
export function sharePanels(rows: readonly number[]): boolean {
  const panels = (count: number): number => Math.ceil(count / 16)
  return panels(rows.reduce((a, b) => a + b, 0)) < rows.reduce((sum, count) => sum + panels(count), 0)
}

/** Packs a weight [out, in], which is read piece by piece. */
function packWeight(backend: CpuBackend, _inputs: object, { source }: { source: MatrixSource }): tf.TensorInfo {
  const [out, width] = source.shape
  const isBfloat16 = source.format === 'bfloat16'
  const size = packedSize(out, width)
  const { info, values } = backend.allocateFrozen(isBfloat16 ? size / 2 : size, isBfloat16 ? 'int32' : 'float32')
  const { buffer, byteOffset } = values
  try {
    forEachPiece(source, (rows, first, count) => {
      const place = first * width
      const length = packedSize(count, width)
      if (rows instanceof Uint16Array) {
        const packed = new Uint16Array(buffer, byteOffset + place * 2, length)
        fillPanels(packed, rows, [count, width], (j) => BFLOAT16_POSITION[j]!)
      } else {
        fillPanels(new Float32Array(buffer, byteOffset + place * 4, length), widenRows(rows), [count, width], (j) => j)
      }
    })
  } catch (error) {
    backend.disposeData(info.dataId, true)
    throw error
  }
  return info
}

/** Rows of a packed weight as float32 [ids.length, in]: the embedding of tokens. */
function weightRows(
  backend: CpuBackend,
  _inputs: object,
  { ids }: { ids: Int32Array },
  { weight }: { weight: PackedWeight },
): tf.TensorInfo {
  const { runtime } = backend
  const [, width] = weight.shape
  const out = backend.allocate([ids.length, width])
  const idsAddress = runtime.allocator.place(ids)
  const isBfloat16 = weight.format === 'bfloat16'
  callEmbed(runtime, {
    weight: weightPanels(backend, weight),
    weightRows: weight.shape[0],
    isBfloat16,
    ids: idsAddress,
    out: out.address,
    rows: ids.length,
    width,
  })
  runtime.allocator.release(idsAddress)
  return out.info
}

/** Calls the kernel, with addresses. */
export function callEmbed(
  calls: KernelCalls,
  embed: {
    weight: number // panels; above 2³² in native memory
    weightRows: number
    isBfloat16: boolean
    ids: number // [rows]
    out: number // [rows, width]
    rows: number
    width: number
  },
): void {
  const { args } = calls
  const tileRows = rowsOfTile(embed.width)
  args[0] = embed.weight
  args[1] = embed.ids
  args[2] = embed.out
  args[3] = embed.rows
  args[4] = embed.width
  args[5] = embed.isBfloat16 ? 1 : 0
  args[6] = tileRows
  args[ADDRESS_HIGH] = Math.floor(embed.weight / 2 ** 32)
  args[WEIGHT_ROWS] = embed.weightRows
  calls.run(KernelId.embed, Math.ceil(embed.rows / tileRows), embed.rows * embed.width * EMBED_OPERATIONS)
}

export const weightKernels = [kernel('PackWeight', packWeight), kernel('WeightRows', weightRows)]
