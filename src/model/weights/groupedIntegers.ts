import { UnsupportedError } from '../../errors.js'
import { quote } from '../../io/json.js'
import type { Safetensors } from '../../io/safetensors.js'
import { quantizedMatrix } from '../../quantization/quantizedMatrix.js'
import { INT4_CODEBOOK, UINT4_CODEBOOK, groupsOf } from '../../quantization/weightFormat.js'
import type { QuantizedFormat } from '../../quantization/weightFormat.js'
import { checkPart, readWords } from './quantizedWeights.js'
import type { StoredMatrix } from './quantizedWeights.js'

/** What GPTQ, AWQ and compressed-tensors have in common: W = scale · (q − zero) with a scale and a zero point for each group. */
export interface GroupedIntegers {
  readonly shape: readonly [out: number, width: number]
  readonly bits: 4 | 8
  readonly groupSize: number
  /** Names of all tensors. */
  readonly parts: readonly string[]
  readonly scalesName: string
  /** Whether all zero points should be the same: then nothing need be kept of them. */
  readonly isSymmetric: boolean
  /** [out, groups] */
  readScales(): Float32Array
  /** [out, groups] */
  readZeros(): Uint8Array
  /** Reads all q; the result writes the rows from `first` on that `codes` has room for, packed as in a QuantizedMatrix. */
  readCodes(): (first: number, codes: Uint8Array) => void
}

interface WholeMatrix {
  readonly scales: Float32Array
  readonly zeros: Uint8Array | null
  readonly write: (first: number, codes: Uint8Array) => void
}

/** A matrix of grouped whole numbers, which keeps what it has read until its last row was asked for. */
export function groupedMatrix(tensors: Safetensors, integers: GroupedIntegers): StoredMatrix {
  const { shape, bits, parts, scalesName } = integers
  const [out, width] = shape
  return {
    shape,
    parts,
    open: () => {
      const zero = integers.isSymmetric ? constantOf(integers.readZeros()) : null
      const format = formatOf(integers, zero)
      if (format.hasOffsets && tensors.info(scalesName).dtype === 'F32') {
        throw new UnsupportedError(
          `${tensors.fileOf(scalesName)}: tensor ${quote(scalesName)} has scales in F32 beside zero points that differ; supported are F16 ` +
            'and BF16, whose products with zero points are exact',
        )
      }
      const groups = groupsOf(width, format)
      let whole: WholeMatrix | null = null
      return {
        format,
        read: (first, count) => {
          const { scales, zeros, write } = (whole ??= {
            scales: integers.readScales(),
            zeros: format.hasOffsets ? integers.readZeros() : null,
            write: integers.readCodes(),
          })
          if (first + count === out) whole = null
          const matrix = quantizedMatrix([count, width], format)
          write(first, matrix.codes)
          if (bits === 8) centre(matrix.codes)
          matrix.scales.set(scales.subarray(first * groups, (first + count) * groups))
          // What a code of 0 stands for, which is q = 0 in 4 bits and q = 128 in 8.
          const middle = bits === 8 ? 128 : 0
          matrix.offsets?.forEach((_, g, offsets) => {
            offsets[g] = matrix.scales[g]! * (middle - zeros![first * groups + g]!)
          })
          return matrix
        },
      }
    },
  }
}

/** From whole numbers from 0 to 255 to those from -128 to 127. */
function centre(codes: Uint8Array): void {
  for (let i = 0; i < codes.length; i++) codes[i]! ^= 128
}

function constantOf(zeros: Uint8Array): number | null {
  return zeros.every((zero) => zero === zeros[0]) ? zeros[0]! : null
}

/** One zero point for all can be part of what 4 bits stand for; that of 8 bits is in the middle, or an offset. */
function formatOf({ bits, groupSize }: GroupedIntegers, zero: number | null): QuantizedFormat {
  if (bits === 8) return { bits, groupSize, hasOffsets: zero !== 128, codebook: null }
  if (zero === null) return { bits, groupSize, hasOffsets: true, codebook: UINT4_CODEBOOK }
  const codebook = zero === 8 ? INT4_CODEBOOK : UINT4_CODEBOOK.map((code) => code - zero)
  return { bits, groupSize, hasOffsets: false, codebook }
}

/**
 * Checks the tensor that says which group each input is in. Throws an UnsupportedError when the inputs of a group are not neighbours.
 */
export function checkNeighbours(tensors: Safetensors, name: string, width: number, groupSize: number): void {
  checkPart(tensors, name, 'I32', [width])
  if (readWords(tensors, name).every((group, i) => group === Math.floor(i / groupSize))) return
  throw new UnsupportedError(
    `${tensors.fileOf(name)}: tensor ${quote(name)} puts inputs of different places into one group (act-order, desc_act), which is ` +
      "not supported; take a checkpoint without it, or the model that it was made from with dtype 'int4'",
  )
}
