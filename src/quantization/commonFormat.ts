import { quantizedMatrix } from './quantizedMatrix.js'
import type { QuantizedMatrix } from './quantizedMatrix.js'
import { codeBytes, groupsOf, sameFormat } from './weightFormat.js'
import type { QuantizedFormat } from './weightFormat.js'

/**
 * A format that holds matrices of several formats with the very same numbers: groups as small as the smallest common ones, offsets where
 * one has them, 8 bits where codebooks differ. Null where there is none: codebooks that are not whole numbers, beside others.
 */
export function commonFormat(formats: readonly QuantizedFormat[]): QuantizedFormat | null {
  const [first, ...others] = formats
  if (!first) return null
  const groupSize = formats.map((format) => format.groupSize).reduce(greatestCommonDivisor)
  const hasOffsets = formats.some((format) => format.hasOffsets)
  const common = { ...first, groupSize, hasOffsets }
  if (others.every((format) => sameFormat({ ...format, groupSize, hasOffsets }, common))) return common
  return formats.every(hasSmallIntegers) ? { bits: 8, groupSize, hasOffsets, codebook: null } : null
}

/** Whether all codes stand for whole numbers that 8 bits hold. */
function hasSmallIntegers({ codebook }: QuantizedFormat): boolean {
  return codebook === null || codebook.every((value) => Number.isInteger(value) && -128 <= value && value <= 127)
}

/** The largest number that divides both. */
export function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b)
}

/** The same numbers in a format that {@link commonFormat} gave for the matrix' own and others. */
export function convertMatrix(matrix: QuantizedMatrix, format: QuantizedFormat): QuantizedMatrix {
  if (sameFormat(matrix.format, format)) return matrix
  const [out, width] = matrix.shape
  const converted = quantizedMatrix(matrix.shape, format)
  convertCodes(matrix, converted)
  const from = groupsOf(width, matrix.format)
  const to = groupsOf(width, format)
  const share = matrix.format.groupSize / format.groupSize
  for (let o = 0; o < out; o++) {
    for (let g = 0; g < to; g++) {
      const group = o * from + Math.floor(g / share)
      converted.scales[o * to + g] = matrix.scales[group]!
      if (matrix.offsets) converted.offsets![o * to + g] = matrix.offsets[group]!
    }
  }
  return converted
}

function convertCodes({ shape, format, codes }: QuantizedMatrix, to: QuantizedMatrix): void {
  if (format.bits === to.format.bits) {
    to.codes.set(codes)
    return
  }
  const [out, width] = shape
  const rowBytes = codeBytes(width, format)
  for (let o = 0; o < out; o++) {
    for (let i = 0; i < width; i++) {
      // Stored in two's complement.
      to.codes[o * width + i] = format.codebook![(codes[o * rowBytes + (i >> 1)]! >> ((i & 1) * 4)) & 15]!
    }
  }
}
