import type * as tf from '../../../bundled/tfjs.js'
import { EngineError } from '../../../errors.js'
import { forEachPiece } from '../../../quantization/matrixSource.js'
import type { MatrixSource } from '../../../quantization/matrixSource.js'
import type { QuantizedMatrix } from '../../../quantization/quantizedMatrix.js'
import { codeBytes, GROUP_MULTIPLE, groupsOf } from '../../../quantization/weightFormat.js'
import type { QuantizedFormat } from '../../../quantization/weightFormat.js'
import type { CpuBackend } from '../backend.js'
import { CODEBOOK_BYTES } from '../gemm.js'
import type { PanelScaling } from '../gemm.js'
import { fillPanels, packedSize } from './panels.js'

/*
 * A quantised weight W [out, in] stays as codes, in panels of 16 outputs as other weights: of 8 bits [⌈out / 16⌉][in][16], of 4 bits
 * [⌈out / 16⌉][⌈in / 2⌉][16] with the even inputs in the lower halves. What they are turned into numbers with lies in a block of its
 * own: scales [⌈out / 16⌉][groups][16], offsets of the same shape where there are some, and a codebook (see PanelScaling).
 */

/** Addresses of what {@link packCodes} laid out from `address` on. */
export function panelScaling(
  address: number,
  [out, width]: readonly [out: number, width: number],
  format: QuantizedFormat,
): PanelScaling {
  const bytes = Math.ceil(out / 16) * groupsOf(width, format) * 64
  const end = address + (format.hasOffsets ? 2 : 1) * bytes
  return {
    scales: address,
    offsets: format.hasOffsets ? address + bytes : 0,
    codebook: format.codebook ? end : 0,
    groupSize: format.groupSize,
  }
}

/** Those of panels that come so many later, of a weight that has `width` inputs. */
export function movedScaling(scaling: PanelScaling, panels: number, width: number): PanelScaling {
  const bytes = panels * groupsOf(width, scaling) * 64
  return { ...scaling, scales: scaling.scales + bytes, offsets: scaling.offsets && scaling.offsets + bytes }
}

/** Packs a quantised weight, which is read piece by piece: its codes, and what they are turned into numbers with. */
export function packCodes(backend: CpuBackend, source: MatrixSource, format: QuantizedFormat): tf.TensorInfo[] {
  const [out, width] = source.shape
  if (format.groupSize % GROUP_MULTIPLE !== 0) {
    throw new EngineError(`internal: groups of ${format.groupSize} inputs; expected a multiple of ${GROUP_MULTIPLE}`)
  }
  const panels = Math.ceil(out / 16)
  const rowBytes = codeBytes(width, format)
  const groups = groupsOf(width, format)
  const numbers = panels * groups * 16
  const scalingNumbers = numbers * (format.hasOffsets ? 2 : 1) + (format.codebook ? CODEBOOK_BYTES / 4 : 0)
  // What is made is freed again where the memory is too small for the second block, or the file cannot be read.
  const made: tf.TensorInfo[] = []
  try {
    const codes = backend.allocateFrozen(panels * rowBytes * 4, 'int32')
    made.push(codes.info)
    const scaling = backend.allocate([scalingNumbers])
    made.push(scaling.info)
    const { buffer } = backend.runtime.allocator.memory
    const { values } = codes
    const at = panelScaling(scaling.address, source.shape, format)
    if (format.codebook) placeCodebook(buffer, at.codebook, format.codebook)
    forEachPiece(source, (rows, first, count) => {
      const piece = rows as QuantizedMatrix
      const place = values.byteOffset + first * rowBytes
      const bytes = new Uint8Array(values.buffer, place, packedSize(count, rowBytes))
      fillBytePanels(bytes, piece.codes, count, rowBytes)
      const numbersAt = (address: number): Float32Array =>
        new Float32Array(buffer, address + first * groups * 4, packedSize(count, groups))
      fillPanels(numbersAt(at.scales), piece.scales, [count, groups], (j) => j)
      if (piece.offsets) fillPanels(numbersAt(at.offsets), piece.offsets, [count, groups], (j) => j)
    })
  } catch (error) {
    for (const { dataId } of made) backend.disposeData(dataId, true)
    throw error
  }
  return made
}

/** Writes rows of bytes in panels: {@link fillPanels} for many more numbers. */
function fillBytePanels(packed: Uint8Array, rows: Uint8Array, count: number, width: number): void {
  const words = new Uint32Array(packed.buffer, packed.byteOffset, packed.length / 4)
  for (let panel = 0, end = count >> 4; panel < end; panel++) {
    // Four outputs, a word of them for each input.
    for (let part = 0; part < 4; part++) {
      const a = (panel * 16 + part * 4) * width
      const [b, c, d] = [a + width, a + 2 * width, a + 3 * width]
      let at = panel * width * 4 + part
      for (let k = 0; k < width; k++, at += 4) {
        words[at] = rows[a + k]! | (rows[b + k]! << 8) | (rows[c + k]! << 16) | (rows[d + k]! << 24)
      }
    }
  }
  const first = count & ~15
  if (first === count) return
  fillPanels(packed.subarray(first * width), rows.subarray(first * width), [count - first, width], (j) => j)
}

/** Writes what codes of 4 bits stand for, as {@link PanelScaling.codebook} lies in memory. */
export function placeCodebook(buffer: ArrayBufferLike, address: number, codebook: Float32Array): void {
  new Float32Array(buffer, address, 16).set(codebook)
  const bytes = new Uint8Array(buffer, address, 64)
  const planes = new Uint8Array(buffer, address + 64, 64)
  for (let code = 0; code < 16; code++) {
    for (let byte = 0; byte < 4; byte++) planes[byte * 16 + code] = bytes[code * 4 + byte]!
  }
}
