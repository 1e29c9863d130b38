import { UnsupportedError } from '../../errors.js'
import { float16ToFloat32, float16Values } from '../../io/dtypes.js'
import type { MatrixRows } from '../../quantization/matrixSource.js'
import { quantizedMatrix } from '../../quantization/quantizedMatrix.js'
import type { QuantizedMatrix } from '../../quantization/quantizedMatrix.js'
import { INT4_CODEBOOK, UINT4_CODEBOOK } from '../../quantization/weightFormat.js'
import type { QuantizedFormat, WeightFormat } from '../../quantization/weightFormat.js'

/** How ggml keeps the numbers of a tensor: in blocks of a row, each with its own scales. */
export interface GgmlType {
  /** As ggml spells it: F32, Q4_K, … */
  readonly name: string
  /** Numbers of a block; a row is a whole number of blocks. */
  readonly blockSize: number
  /** Bytes of a block. */
  readonly blockBytes: number
  /** Of the decoded rows. */
  readonly format: WeightFormat
  /** Whole rows from their bytes, which begin a buffer. The values are those of ggml's dequantisation to float32, to the bit. */
  decode(bytes: Uint8Array, shape: readonly [out: number, width: number]): MatrixRows
}

const int4: QuantizedFormat = { bits: 4, groupSize: 32, hasOffsets: false, codebook: INT4_CODEBOOK }
const uint4: QuantizedFormat = { bits: 4, groupSize: 32, hasOffsets: true, codebook: UINT4_CODEBOOK }
const int8: QuantizedFormat = { bits: 8, groupSize: 32, hasOffsets: false, codebook: null }
const offsetInt8: QuantizedFormat = { bits: 8, groupSize: 32, hasOffsets: true, codebook: null }
const smallGroups: QuantizedFormat = { bits: 8, groupSize: 16, hasOffsets: false, codebook: null }

// The layouts of the blocks: https://github.com/ggml-org/llama.cpp, ggml/src/ggml-common.h; the numbers that they stand for:
// dequantize_row_… in ggml/src/ggml-quants.c, and gguf-py's quants.py.
const types: Readonly<Record<number, GgmlType>> = {
  0: floatType('F32', 4, 'float32', (bytes) => new Float32Array(bytes)),
  1: floatType('F16', 2, 'float32', (bytes) => float16ToFloat32(new Uint16Array(bytes))),
  2: quantizedType('Q4_0', 32, 18, int4, (bytes, at, matrix, block) => {
    matrix.scales[block] = half(bytes, at)
    nibblePairs(bytes, at + 2, 16, matrix.codes, block * 16)
  }),
  3: quantizedType('Q4_1', 32, 20, uint4, (bytes, at, matrix, block) => {
    matrix.scales[block] = half(bytes, at)
    matrix.offsets![block] = half(bytes, at + 2)
    nibblePairs(bytes, at + 4, 16, matrix.codes, block * 16)
  }),
  6: quantizedType('Q5_0', 32, 22, int8, (bytes, at, matrix, block) => {
    matrix.scales[block] = half(bytes, at)
    fiveBits(bytes, at + 2, 16, matrix.codes, block * 32)
  }),
  7: quantizedType('Q5_1', 32, 24, offsetInt8, (bytes, at, matrix, block) => {
    matrix.scales[block] = half(bytes, at)
    matrix.offsets![block] = half(bytes, at + 2)
    fiveBits(bytes, at + 4, 0, matrix.codes, block * 32)
  }),
  8: quantizedType('Q8_0', 32, 34, int8, (bytes, at, matrix, block) => {
    matrix.scales[block] = half(bytes, at)
    matrix.codes.set(bytes.subarray(at + 2, at + 34), block * 32)
  }),
  12: quantizedType('Q4_K', 256, 144, uint4, (bytes, at, matrix, block) => {
    scalesOfK(bytes, at, matrix, block)
    for (let part = 0; part < 4; part++) {
      nibblePairs(bytes, at + 16 + part * 32, 32, matrix.codes, block * 128 + part * 32)
    }
  }),
  13: quantizedType('Q5_K', 256, 176, offsetInt8, (bytes, at, matrix, block) => {
    scalesOfK(bytes, at, matrix, block)
    for (let group = 0; group < 8; group++) {
      const low = at + 48 + (group >> 1) * 32
      const shift = (group & 1) * 4
      const to = block * 256 + group * 32
      for (let i = 0; i < 32; i++) {
        const high = (bytes[at + 16 + i]! >> group) & 1
        matrix.codes[to + i] = ((bytes[low + i]! >> shift) & 15) | (high << 4)
      }
    }
  }),
  14: quantizedType('Q6_K', 256, 210, smallGroups, (bytes, at, matrix, block) => {
    const scale = half(bytes, at + 208)
    for (let group = 0; group < 16; group++) {
      matrix.scales[block * 16 + group] = scale * ((bytes[at + 192 + group]! << 24) >> 24)
    }
    for (let i = 0; i < 256; i++) {
      const part = i >> 7
      const low = bytes[at + part * 64 + (i & 63)]! >> (((i >> 6) & 1) * 4)
      const high = bytes[at + 128 + part * 32 + (i & 31)]! >> (((i >> 5) & 3) * 2)
      matrix.codes[block * 256 + i] = ((low & 15) | ((high & 3) << 4)) - 32
    }
  }),
  30: floatType('BF16', 2, 'bfloat16', (bytes) => new Uint16Array(bytes)),
}

/** Types of ggml.h that are refused by their name. */
const otherNames: Readonly<Record<number, string>> = {
  9: 'Q8_1',
  10: 'Q2_K',
  11: 'Q3_K',
  15: 'Q8_K',
  16: 'IQ2_XXS',
  17: 'IQ2_XS',
  18: 'IQ3_XXS',
  19: 'IQ1_S',
  20: 'IQ4_NL',
  21: 'IQ3_S',
  22: 'IQ2_S',
  23: 'IQ4_XS',
  24: 'I8',
  25: 'I16',
  26: 'I32',
  27: 'I64',
  28: 'F64',
  29: 'IQ1_M',
  34: 'TQ1_0',
  35: 'TQ2_0',
  39: 'MXFP4',
  40: 'NVFP4',
  41: 'Q1_0',
}

/** The type with a number of ggml.h. Throws an UnsupportedError that begins with `what`. */
export function ggmlType(id: number, what: string): GgmlType {
  const type = types[id]
  if (type !== undefined) return type
  const supported = Object.values(types).map(({ name }) => name)
  const name = otherNames[id] ?? `number ${id}`
  throw new UnsupportedError(
    `${what} is of ggml's type ${name}, which is not supported; supported are ${supported.join(', ')}: take another file of ` +
      'the model, such as its Q4_K_M or Q8_0',
  )
}

function floatType(
  name: string,
  blockBytes: number,
  format: 'float32' | 'bfloat16',
  read: (bytes: ArrayBuffer) => Float32Array | Uint16Array,
): GgmlType {
  return { name, blockSize: 1, blockBytes, format, decode: (bytes) => read(bytes.buffer as ArrayBuffer) }
}

/** `decodeBlock` fills the groups of one block; blocks are counted through all rows. */
function quantizedType(
  name: string,
  blockSize: number,
  blockBytes: number,
  format: QuantizedFormat,
  decodeBlock: (bytes: Uint8Array, at: number, matrix: QuantizedMatrix, block: number) => void,
): GgmlType {
  return {
    name,
    blockSize,
    blockBytes,
    format,
    decode: (bytes, shape) => {
      const matrix = quantizedMatrix(shape, format)
      for (let block = 0, at = 0; at < bytes.length; block++, at += blockBytes) decodeBlock(bytes, at, matrix, block)
      return matrix
    },
  }
}

/** A float16 number. */
function half(bytes: Uint8Array, at: number): number {
  return float16Values()[bytes[at]! | (bytes[at + 1]! << 8)]!
}

/** `count` bytes whose lower halves are the first `count` codes and upper halves the next ones, to codes of neighbours in a byte. */
function nibblePairs(bytes: Uint8Array, at: number, count: number, codes: Uint8Array, to: number): void {
  for (let i = 0; i < count / 2; i++) {
    const first = bytes[at + 2 * i]!
    const second = bytes[at + 2 * i + 1]!
    codes[to + i] = (first & 15) | ((second & 15) << 4)
    codes[to + count / 2 + i] = (first >> 4) | (second & 0xf0)
  }
}

/** 4 bytes with the fifth bits of 32 codes, then 16 bytes with the others, the first 16 codes in the lower halves. */
function fiveBits(bytes: Uint8Array, at: number, zero: number, codes: Uint8Array, to: number): void {
  for (let i = 0; i < 32; i++) {
    const high = (bytes[at + (i >> 3)]! >> (i & 7)) & 1
    const low = bytes[at + 4 + (i & 15)]! >> (i < 16 ? 0 : 4)
    codes[to + i] = ((low & 15) | (high << 4)) - zero
  }
}

/** Scales d · s and offsets −(dmin · m) of the 8 groups of a Q4_K or Q5_K block, with s and m of 6 bits in 12 bytes. */
function scalesOfK(bytes: Uint8Array, at: number, matrix: QuantizedMatrix, block: number): void {
  const d = half(bytes, at)
  const dmin = half(bytes, at + 2)
  for (let group = 0; group < 8; group++) {
    const own = bytes[at + 4 + group]!
    let [scale, minimum] = [own & 63, bytes[at + 8 + group]! & 63]
    if (group >= 4) {
      // The lower 4 bits of both share a byte; the upper 2 are those left over in the bytes of the first four groups.
      const low = bytes[at + 8 + group]!
      scale = (low & 15) | ((bytes[at + group]! >> 6) << 4)
      minimum = (low >> 4) | ((own >> 6) << 4)
    }
    matrix.scales[block * 8 + group] = d * scale
    matrix.offsets![block * 8 + group] = -(dmin * minimum)
  }
}
