/** Inputs that a group has at least, and of which its size is a multiple: kernels read squares of 16 by 16. */
export const GROUP_MULTIPLE = 16

/** How the numbers of a quantised matrix are kept: as codes, with a scale for every group of inputs of an output. */
export interface QuantizedFormat {
  /** Of a code. */
  readonly bits: 4 | 8
  /** Inputs that have their scale in common, a multiple of 16; the last group of an output may have fewer. */
  readonly groupSize: number
  /** Whether each group has an offset too, its number that stands for code 0. */
  readonly hasOffsets: boolean
  /** What codes of 4 bits stand for before they are scaled; null for codes of 8 bits, which are whole numbers from -128 to 127. */
  readonly codebook: Float32Array | null // [16]
}

/** How the numbers of a matrix are kept. */
export type WeightFormat = 'float32' | 'bfloat16' | QuantizedFormat

/** Whether a matrix is kept as codes. */
export function isQuantized(format: WeightFormat): format is QuantizedFormat {
  return typeof format !== 'string'
}

/** Groups of an output. */
export function groupsOf(width: number, { groupSize }: Pick<QuantizedFormat, 'groupSize'>): number {
  return Math.ceil(width / groupSize)
}

/** Bytes of the codes of an output. */
export function codeBytes(width: number, { bits }: Pick<QuantizedFormat, 'bits'>): number {
  return bits === 8 ? width : Math.ceil(width / 2)
}

/** Bytes of a matrix of this format: codes, and float32 scales and offsets. */
export function formatBytes([out, width]: readonly [out: number, width: number], format: WeightFormat): number {
  if (!isQuantized(format)) return out * width * (format === 'float32' ? 4 : 2)
  return out * (codeBytes(width, format) + groupsOf(width, format) * (format.hasOffsets ? 8 : 4))
}

/** Whole numbers from -8 to 7: what the codes of `int4` stand for. */
export const INT4_CODEBOOK = Float32Array.from({ length: 16 }, (_, code) => code - 8)

/** Whole numbers from 0 to 15: what codes of 4 bits with an offset stand for. */
export const UINT4_CODEBOOK = Float32Array.from({ length: 16 }, (_, code) => code)

/** The formats that weights can be quantised to when they are loaded. */
export const quantizedDtypes = ['int8', 'int4'] as const

/** Symmetric whole numbers of 8 or 4 bits. */
export type QuantizedDtype = (typeof quantizedDtypes)[number]

/** Inputs of a group, where nothing else is asked for: 4 bits gain much from small ones (docs/quantization.md), 8 bits nothing. */
export const DEFAULT_GROUP_SIZES: Readonly<Record<QuantizedDtype, number>> = { int8: 64, int4: 32 }

/** The format of an own quantisation. */
export function integerFormat(dtype: QuantizedDtype, groupSize: number = DEFAULT_GROUP_SIZES[dtype]): QuantizedFormat {
  return dtype === 'int8'
    ? { bits: 8, groupSize, hasOffsets: false, codebook: null }
    : { bits: 4, groupSize, hasOffsets: false, codebook: INT4_CODEBOOK }
}

/** Whether two formats are the same. */
export function sameFormat(a: WeightFormat, b: WeightFormat): boolean {
  if (!isQuantized(a) || !isQuantized(b)) return a === b
  const sameBook =
    a.codebook === b.codebook ||
    (a.codebook !== null && b.codebook !== null && a.codebook.every((value, i) => value === b.codebook![i]))
  return a.bits === b.bits && a.groupSize === b.groupSize && a.hasOffsets === b.hasOffsets && sameBook
}
