import type * as tf from '../../../bundled/tfjs.js'
import { forEachPiece, widenRows } from '../../../quantization/matrixSource.js'
import type { MatrixSource } from '../../../quantization/matrixSource.js'
import { isQuantized } from '../../../quantization/weightFormat.js'
import type { PackedWeight } from '../../../ops/weight.js'
import type { CpuBackend } from '../backend.js'
import { KernelId } from '../constants.js'
import { ADDRESS_HIGH, WEIGHT_ROWS } from '../kernelCalls.js'
import type { KernelCalls } from '../kernelCalls.js'
import { packCodes } from './codePanels.js'
import { kernel } from './kernel.js'
import { fillPanels, packedSize } from './panels.js'
import { panelWeight } from './panelWeight.js'
import type { PanelWeight } from './panelWeight.js'
import { rowsOfTile } from './tile.js'

/** Position of output `j` (0 … 15) among a panel's 16 bfloat16 values of one input. */
const BFLOAT16_POSITION = Int32Array.from({ length: 16 }, (_, j) => (j & 7) * 2 + (j >> 3))

/** Rough cost of a number of an embedding in multiply-adds: each lies in a cache line of its own. */
const EMBED_OPERATIONS = 64

/** Packs a weight [out, in], which is read piece by piece; of codes, also what they are turned into numbers with. */
function packWeight(
  backend: CpuBackend,
  _inputs: object,
  { source }: { source: MatrixSource },
): tf.TensorInfo | tf.TensorInfo[] {
  const [out, width] = source.shape
  if (isQuantized(source.format)) return packCodes(backend, source, source.format)
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
  const out = backend.allocate([ids.length, weight.shape[1]])
  const idsAddress = runtime.allocator.place(ids)
  callEmbed(runtime, { weight: panelWeight(backend, weight), ids: idsAddress, out: out.address, rows: ids.length })
  runtime.allocator.release(idsAddress)
  return out.info
}

/** Calls the kernel, with addresses. */
export function callEmbed(
  calls: KernelCalls,
  embed: {
    weight: PanelWeight
    ids: number // [rows]
    out: number // [rows, width]
    rows: number
  },
): void {
  const { args } = calls
  const { address, mode, scaling, shape } = embed.weight
  const width = shape[1]
  const tileRows = rowsOfTile(width)
  args[0] = address
  args[1] = embed.ids
  args[2] = embed.out
  args[3] = embed.rows
  args[4] = width
  args[5] = mode
  args[6] = tileRows
  args[7] = scaling?.scales ?? 0
  args[8] = scaling?.offsets ?? 0
  args[9] = scaling?.codebook ?? 0
  args[10] = scaling?.groupSize ?? 1
  args[ADDRESS_HIGH] = Math.floor(address / 2 ** 32)
  args[WEIGHT_ROWS] = shape[0]
  calls.run(KernelId.embed, Math.ceil(embed.rows / tileRows), embed.rows * width * EMBED_OPERATIONS)
}

export const weightKernels = [kernel('PackWeight', packWeight), kernel('WeightRows', weightRows)]
