import { GrpoError, ShapeError } from '../errors.js'
import { quantizedMatrix } from './quantizedMatrix.js'
import type { QuantizedMatrix } from './quantizedMatrix.js'
import { codeBytes, groupsOf, integerFormat } from './weightFormat.js'
import type { QuantizedDtype } from './weightFormat.js'

/** Scales that are tried for a group of 4 bits: with the largest number at −8 / step, for steps around 1. */
const INT4_TRIALS = Array.from({ length: 15 }, (_, i) => 0.8 + i * 0.04)
/** For 8 bits the step is so fine that little is gained. */
const INT8_TRIALS = [1]

/**
 * Quantises float32 numbers symmetrically, W ≈ scale · code, with the scale of each group that makes the sum of squared errors
 * smallest among some: for each of several steps codes are rounded to nearest, and the scale is fitted to them by least squares,
 * Σ w·q / Σ q². Of 4 bits, the number of a group that is largest in size stands at the end that has one code more (−8).
 * @throws ShapeError when the numbers are not as many as the shape says, GrpoError when one is not finite
 */
export function quantize(
  values: Float32Array, // [out, width]
  shape: readonly [out: number, width: number],
  dtype: QuantizedDtype,
  /** Inputs that have a scale in common. */
  groupSize: number,
): QuantizedMatrix {
  const [out, width] = shape
  if (values.length !== out * width) {
    throw new ShapeError(`a matrix of shape [${shape.join(', ')}] got ${values.length} values`)
  }
  const format = integerFormat(dtype, groupSize)
  const matrix = quantizedMatrix(shape, format)
  const groups = groupsOf(width, format)
  const rowBytes = codeBytes(width, format)
  for (let o = 0; o < out; o++) {
    for (let g = 0; g < groups; g++) {
      const first = g * groupSize
      const start = o * width + first
      const end = o * width + Math.min(width, first + groupSize)
      const scale = bestScale(values, start, end, dtype)
      matrix.scales[o * groups + g] = scale
      if (dtype === 'int8') writeInt8(values, start, end, scale, matrix.codes, o * rowBytes + first)
      else writeInt4(values, start, end, scale, matrix.codes, o * rowBytes + first / 2)
    }
  }
  return matrix
}

/** The scale of values[start … end − 1], rounded to float32; 0 where all of them are 0. */
function bestScale(values: Float32Array, start: number, end: number, dtype: QuantizedDtype): number {
  const largest = largestOf(values, start, end)
  if (largest === 0) return 0
  const [low, high, trials] = dtype === 'int8' ? [-127, 127, INT8_TRIALS] : [-8, 7, INT4_TRIALS]
  let best = 0
  let bestGain = -1
  for (const step of trials) {
    const { products, squares } = fit(values, start, end, (low * step) / largest, low, high)
    // With the fitted scale the error is Σ w² − (Σ w·q)² / Σ q².
    const gain = (products * products) / squares
    if (gain <= bestGain) continue
    bestGain = gain
    best = products / squares
  }
  const rounded = Math.fround(best)
  // With a scale below the normal float32 numbers codes would be infinite, or far from their numbers.
  return Math.abs(rounded) < SMALLEST_NORMAL ? 0 : rounded
}

const SMALLEST_NORMAL = 2 ** -126

/** The number that is largest in size, with its sign. Throws a GrpoError when one is not finite. */
function largestOf(values: Float32Array, start: number, end: number): number {
  let largest = 0
  let size = 0
  let sum = 0
  for (let i = start; i < end; i++) {
    const value = values[i]!
    const own = value < 0 ? -value : value
    sum += own
    if (own <= size) continue
    size = own
    largest = value
  }
  if (Number.isFinite(sum)) return largest
  const bad = values.subarray(start, end).find((value) => !Number.isFinite(value))
  throw new GrpoError(`a weight is ${bad}; expected a finite number`)
}

/** 1.5 · 2^52: what is added to a number of moderate size and taken away again rounds it to a whole one. */
const ROUNDER = 6755399441055744

/** Σ w·q and Σ q² of the codes that an inverse of the scale gives. */
function fit(
  values: Float32Array,
  start: number,
  end: number,
  inverse: number,
  low: number,
  high: number,
): { products: number; squares: number } {
  let products = 0
  let squares = 0
  for (let i = start; i < end; i++) {
    const value = values[i]!
    const code = nearest(value * inverse, low, high)
    products += value * code
    squares += code * code
  }
  return { products, squares }
}

/** The whole number from `low` to `high` that is nearest to x. */
function nearest(x: number, low: number, high: number): number {
  const rounded = x + ROUNDER - ROUNDER
  return rounded < low ? low : rounded > high ? high : rounded
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
  const inverse = 1 / scale
  for (let i = start; i < end; i++) codes[at++] = nearest(values[i]! * inverse, -127, 127)
}

function writeInt4(
  values: Float32Array,
  start: number,
  end: number,
  scale: number,
  codes: Uint8Array,
  at: number,
): void {
  const inverse = scale === 0 ? 0 : 1 / scale
  for (let i = start; i < end; i += 2) {
    const low = nearest(values[i]! * inverse, -8, 7) + 8
    // Behind an odd number of inputs half a byte is left, which nothing reads.
    const high = i + 1 < end ? nearest(values[i + 1]! * inverse, -8, 7) + 8 : 0
    codes[at++] = low | (high << 4)
  }
}
