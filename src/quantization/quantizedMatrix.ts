import { codeBytes, groupsOf } from './weightFormat.js'
import type { QuantizedFormat } from './weightFormat.js'

/**
 * A matrix, or some rows of one, as codes:
 * W[o, i] = value of the code · scales[o, g] + offsets[o, g] with g = ⌊i / groupSize⌋, each product and each sum rounded to float32.
 */
export interface QuantizedMatrix {
  readonly shape: readonly [out: number, width: number]
  readonly format: QuantizedFormat
  /** 8 bits: [out, width] in two's complement; 4 bits: [out, ⌈width / 2⌉], the even inputs in the lower halves. */
  readonly codes: Uint8Array
  readonly scales: Float32Array // [out, groups]
  /** Null where the format has none. */
  readonly offsets: Float32Array | null // [out, groups]
}

/** An empty matrix to be filled: codes, scales and offsets are 0. */
export function quantizedMatrix(
  shape: readonly [out: number, width: number],
  format: QuantizedFormat,
): QuantizedMatrix {
  const [out, width] = shape
  const groups = out * groupsOf(width, format)
  return {
    shape,
    format,
    codes: new Uint8Array(out * codeBytes(width, format)),
    scales: new Float32Array(groups),
    offsets: format.hasOffsets ? new Float32Array(groups) : null,
  }
}

/** The numbers that a matrix stands for: what every kernel computes with, to the bit. */
export function dequantize({
  shape,
  format,
  codes,
  scales,
  offsets,
}: QuantizedMatrix): Float32Array /* [out, width] */ {
  const [out, width] = shape
  const { bits, groupSize, codebook } = format
  const groups = groupsOf(width, format)
  const rowBytes = codeBytes(width, format)
  const values = new Float32Array(out * width)
  for (let o = 0, at = 0; o < out; o++) {
    for (let i = 0; i < width; i++, at++) {
      const group = o * groups + Math.floor(i / groupSize)
      const code =
        bits === 8
          ? (codes[o * rowBytes + i]! << 24) >> 24
          : codebook![(codes[o * rowBytes + (i >> 1)]! >> ((i & 1) * 4)) & 15]!
      const scaled = Math.fround(code * scales[group]!)
      values[at] = offsets ? scaled + offsets[group]! : scaled
    }
  }
  return values
}
