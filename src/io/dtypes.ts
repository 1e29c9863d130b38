/** Bytes of one element of every dtype that safetensors files of Llama- and Qwen-like models hold. */
export const bytesPerElement = {
  F64: 8,
  I64: 8,
  U64: 8,
  F32: 4,
  I32: 4,
  U32: 4,
  F16: 2,
  BF16: 2,
  I16: 2,
  U16: 2,
  F8_E4M3: 1,
  F8_E5M2: 1,
  I8: 1,
  U8: 1,
  BOOL: 1,
} as const

/** A dtype as safetensors spells it. */
export type SafetensorsDtype = keyof typeof bytesPerElement

export function isSafetensorsDtype(value: unknown): value is SafetensorsDtype {
  return typeof value === 'string' && Object.hasOwn(bytesPerElement, value)
}

/**
 * Bytes of a tensor of this dtype and shape, or undefined when a size is not an integer >= 0 or the product is beyond
 * Number.MAX_SAFE_INTEGER.
 */
export function tensorByteLength(dtype: SafetensorsDtype, shape: readonly number[]): number | undefined {
  let bytes: number = bytesPerElement[dtype]
  for (const size of shape) {
    bytes *= size
    if (!Number.isSafeInteger(size) || size < 0 || !Number.isSafeInteger(bytes)) return undefined
  }
  return bytes
}

/** Widens bfloat16 bit patterns to float32, exactly. Writes into `output` when it is given. */
export function bfloat16ToFloat32(
  bits: Uint16Array,
  output: Float32Array = new Float32Array(bits.length),
): Float32Array {
  const outputBits = new Uint32Array(output.buffer, output.byteOffset, output.length)
  for (let i = 0; i < bits.length; i++) outputBits[i] = bits[i]! << 16
  return output
}

/** Rounds float32 to bfloat16 bit patterns: to nearest, ties to even; NaN stays NaN, too large becomes infinity. */
export function float32ToBfloat16(values: Float32Array): Uint16Array {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length)
  const output = new Uint16Array(values.length)
  for (let i = 0; i < bits.length; i++) {
    const x = bits[i]!
    const isNaN = (x & 0x7fffffff) > 0x7f800000
    // A NaN is made quiet, because cutting its mantissa could leave an infinity.
    output[i] = isNaN ? (x >>> 16) | 0x40 : (x + 0x7fff + ((x >>> 16) & 1)) >>> 16
  }
  return output
}

let float16Table: Float32Array | undefined

/** Widens IEEE 754 binary16 bit patterns to float32, exactly. Writes into `output` when it is given. */
export function float16ToFloat32(
  bits: Uint16Array,
  output: Float32Array = new Float32Array(bits.length),
): Float32Array {
  const table = float16Values()
  for (let i = 0; i < bits.length; i++) output[i] = table[bits[i]!]!
  return output
}

/** The values of all bit patterns of binary16: more than ten times as fast as computing each. */
export function float16Values(): Float32Array /* [65536] */ {
  float16Table ??= Float32Array.from({ length: 65536 }, (_, pattern) => float16Value(pattern))
  return float16Table
}

function float16Value(pattern: number): number {
  const sign = pattern >>> 15 ? -1 : 1
  const exponent = (pattern >>> 10) & 31
  const mantissa = pattern & 1023
  if (exponent === 31) return mantissa ? NaN : sign * Infinity
  if (exponent === 0) return sign * mantissa * 2 ** -24
  return sign * (1 + mantissa / 1024) * 2 ** (exponent - 15)
}

/**
 * Rounds float32 to IEEE 754 binary16 bit patterns: to nearest, ties to even, subnormals included; NaN stays NaN,
 * 65520 and above becomes infinity.
 */
export function float32ToFloat16(values: Float32Array): Uint16Array {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length)
  const output = new Uint16Array(values.length)
  for (let i = 0; i < bits.length; i++) {
    const sign = (bits[i]! >>> 16) & 0x8000
    output[i] = sign | float16Magnitude(bits[i]! & 0x7fffffff)
  }
  return output
}

/** Bit pattern of |x| in float16 from that in float32. */
function float16Magnitude(magnitude: number): number {
  if (magnitude > 0x7f800000) return 0x7e00 | ((magnitude >>> 13) & 0x3ff)
  if (magnitude >= 0x477ff000) return 0x7c00
  const exponent = magnitude >>> 23
  // Normal in float16, |x| >= 2^-14: drop 13 bits of the mantissa and move the exponent's bias from 127 to 15.
  if (exponent >= 113) return roundedShift(magnitude, 13) - ((127 - 15) << 10)
  // Subnormal: a multiple of 2^-24. Anything below 2^-25, half the smallest one, is zero.
  if (exponent < 102) return 0
  return roundedShift((magnitude & 0x7fffff) | 0x800000, 126 - exponent)
}

/** x / 2^shift, rounded to the nearest integer, ties to even. */
function roundedShift(x: number, shift: number): number {
  return (x + (1 << (shift - 1)) - 1 + ((x >>> shift) & 1)) >>> shift
}
