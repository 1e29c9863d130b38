import type { QuantizedMatrix } from './quantizedMatrix.js'
import { codeBytes, groupsOf } from './weightFormat.js'

/** Steps around the one with which the largest number of a group of 4 bits stands at the end of the codes; more gain nothing. */
const INT4_TRIALS = Array.from({ length: 12 }, (_, i) => 0.84 + i * 0.04)
/** For 8 bits the step is so fine that little is gained. */
const INT8_TRIALS = [1]

/**
 * Quantises rows of float32 numbers, in plain JavaScript: what assembly/index.ts gives to the bit, at a twentieth of its speed.
 * @returns whether all numbers are finite; codes and scales mean nothing otherwise
 */
export function quantizeRowsPlainly(values: Float32Array /* [out, width] */, matrix: QuantizedMatrix): boolean {
  const {
    shape: [out, width],
    format,
    codes,
    scales,
  } = matrix
  const { bits, groupSize } = format
  const groups = groupsOf(width, format)
  const rowBytes = codeBytes(width, format)
  for (let o = 0; o < out; o++) {
    for (let g = 0; g < groups; g++) {
      const first = g * groupSize
      const start = o * width + first
      const end = o * width + Math.min(width, first + groupSize)
      const largest = largestOf(values, start, end)
      if (!Number.isFinite(largest)) return false
      const scale = Math.abs(largest) < SMALLEST ? 0 : bestScale(values, start, end, largest, bits)
      scales[o * groups + g] = scale
      const write = bits === 8 ? writeInt8 : writeInt4
      write(values, start, end, scale, codes, o * rowBytes + (first * bits) / 8)
    }
  }
  return true
}

/** A group whose numbers are all smaller counts as zeros: its scale would not be a normal float32 number. */
const SMALLEST = 2 ** -118

/** The scale of values[start … end − 1], of which none is larger in size than `largest`; rounded to float32. */
function bestScale(values: Float32Array, start: number, end: number, largest: number, bits: 4 | 8): number {
  const [low, high, trials] = bits === 8 ? [-127, 127, INT8_TRIALS] : [-8, 7, INT4_TRIALS]
  const reach = bits === 8 ? high / Math.abs(largest) : low / largest
  let best = 0
  let bestGain = -1
  for (const step of trials) {
    const inverse = Math.fround(step * reach)
    const { products, squares } = fit(values, start, end, inverse, low, high)
    // With the fitted scale the error is Σ w² − (Σ w·q)² / Σ q².
    const projected = products / inverse
    const gain = (projected * projected) / squares
    if (gain <= bestGain) continue
    bestGain = gain
    best = projected / squares
  }
  return Math.fround(best)
}

/** The number that is largest in size, with its sign; the positive one where two are as large. NaN where one of them is not finite. */
function largestOf(values: Float32Array, start: number, end: number): number {
  let low = 0
  let high = 0
  for (let i = start; i < end; i++) {
    const value = values[i]!
    if (!Number.isFinite(value)) return NaN
    if (value < low) low = value
    if (value > high) high = value
  }
  return high >= -low ? high : low
}

/** 1.5 · 2^23: what is added to a float32 number of moderate size and taken away again rounds it to a whole one. */
const ROUNDER = 12582912

const products = new Float32Array(4)
const squares = new Float32Array(4)

/**
 * Σ w·s·q and Σ q² of the codes q that s, an inverse of the scale, gives. Every operation is rounded to float32, and of four numbers
 * each goes to a sum of its own: as vectors of four are added up.
 */
function fit(
  values: Float32Array,
  start: number,
  end: number,
  inverse: number,
  low: number,
  high: number,
): { products: number; squares: number } {
  for (let lane = 0; lane < 4; lane++) {
    let product = 0
    let square = 0
    for (let i = start + lane; i < end; i += 4) {
      const scaled = Math.fround(values[i]! * inverse)
      const code = nearest(scaled, low, high)
      product = Math.fround(product + Math.fround(scaled * code))
      square = Math.fround(square + code * code)
    }
    products[lane] = product
    squares[lane] = square
  }
  return { products: total(products), squares: total(squares) }
}

function total(sums: Float32Array /* [4] */): number {
  return Math.fround(Math.fround(sums[0]! + sums[1]!) + Math.fround(sums[2]! + sums[3]!))
}

/** The whole number from `low` to `high` that is nearest to x, a float32 number; the even one of two. */
function nearest(x: number, low: number, high: number): number {
  const inside = x < low ? low : x > high ? high : x
  return Math.fround(inside + ROUNDER) - ROUNDER
}

function writeInt8(
  values: Float32Array,
  start: number,
  end: number,
  scale: number,
  codes: Uint8Array,
  at: number,
): void {
  if (scale === 0) return
  const inverse = Math.fround(1 / scale)
  for (let i = start; i < end; i++) codes[at++] = nearest(Math.fround(values[i]! * inverse), -127, 127)
}

function writeInt4(
  values: Float32Array,
  start: number,
  end: number,
  scale: number,
  codes: Uint8Array,
  at: number,
): void {
  const inverse = scale === 0 ? 0 : Math.fround(1 / scale)
  for (let i = start; i < end; i += 2) {
    const low = nearest(Math.fround(values[i]! * inverse), -8, 7) + 8
    // Behind an odd number of inputs half a byte is left, which nothing reads.
    const high = i + 1 < end ? nearest(Math.fround(values[i + 1]! * inverse), -8, 7) + 8 : 0
    codes[at++] = low | (high << 4)
  }
}
