/** What ../plainQuantizer.ts computes, in vectors of four and to the bit the same: see there for the method. */

/** Steps around the one with which the largest number of a group of 4 bits stands at the end of the codes. */
const INT4_TRIALS = 12
// @ts-ignore: decorator
@inline
function int4Step(trial: i32): f64 {
  return 0.84 + <f64>trial * 0.04
}

/** Where the memory is free. */
export const ROOM: usize = __heap_base

/** A group whose numbers are all smaller counts as zeros. */
const SMALLEST: f32 = 3.009265538105056e-36 // 2^-118
/** 1.5 · 2^23: a float32 number of moderate size plus this has its nearest whole number in its last bits. */
const ROUNDER: f32 = 12582912

/**
 * Quantises rows. Codes may be written up to 16 bytes beyond their end. Returns whether all numbers are finite; codes and scales mean
 * nothing otherwise.
 */
export function quantizeRows(
  values: usize, // [rows, width], float32, or the bits of bfloat16 numbers
  bfloat16: bool,
  rows: i32,
  width: i32,
  groupSize: i32,
  bits: i32,
  codes: usize,
  scales: usize,
  /** Room for a group in float32. */
  group: usize,
): bool {
  for (let row = 0; row < rows; row++) {
    for (let first = 0; first < width; first += groupSize) {
      const count = min(groupSize, width - first)
      const padded = (count + 15) & ~15
      if (bfloat16) copyBfloat16(values, count, padded, group)
      else copyFloat32(values, count, padded, group)
      values += <usize>count << (bfloat16 ? 1 : 2)
      const largest = largestOf(group, padded)
      if (!isFinite(largest)) return false
      if (bits == 8) {
        const scale = abs(largest) < SMALLEST ? <f32>0 : int8Scale(group, padded, largest)
        writeInt8(group, padded, scale, codes)
        codes += count
        store<f32>(scales, scale)
      } else {
        const scale = abs(largest) < SMALLEST ? <f32>0 : int4Scale(group, padded, largest)
        writeInt4(group, padded, scale, codes)
        codes += (count + 1) >> 1
        // Behind an odd number of inputs half a byte is left, which nothing reads.
        if (count & 1) store<u8>(codes - 1, load<u8>(codes - 1) & 15)
        store<f32>(scales, scale)
      }
      scales += 4
    }
  }
  return true
}

/** The numbers of a group, and zeros up to a multiple of 16. */
function copyFloat32(from: usize, count: i32, padded: i32, to: usize): void {
  const whole = count & ~3
  for (let i = 0; i < whole; i += 4, from += 16, to += 16) v128.store(to, v128.load(from))
  for (let i = whole; i < count; i++, from += 4, to += 4) store<u32>(to, load<u32>(from))
  fillZeros(to, padded - count)
}

function copyBfloat16(from: usize, count: i32, padded: i32, to: usize): void {
  const whole = count & ~7
  const zeros = i32x4.splat(0)
  for (let i = 0; i < whole; i += 8, from += 16, to += 32) {
    const eight = v128.load(from)
    v128.store(to, v128.shuffle<i16>(zeros, eight, 0, 8, 1, 9, 2, 10, 3, 11))
    v128.store(to, v128.shuffle<i16>(zeros, eight, 4, 12, 5, 13, 6, 14, 7, 15), 16)
  }
  for (let i = whole; i < count; i++, from += 2, to += 4) store<u32>(to, <u32>load<u16>(from) << 16)
  fillZeros(to, padded - count)
}

function fillZeros(to: usize, count: i32): void {
  for (let i = 0; i < count; i++, to += 4) store<u32>(to, 0)
}

/** The number that is largest in size, with its sign; the positive one where two are as large. Not finite where one of them is not. */
function largestOf(group: usize, padded: i32): f32 {
  // The bits of positive numbers are ordered as the numbers are, and those of negative ones are negative.
  const mask = i32x4.splat(0x7fffffff)
  let sizes = i32x4.splat(0)
  let highs = i32x4.splat(0)
  for (let at = group, end = group + (<usize>padded << 2); at < end; at += 16) {
    const x = v128.load(at)
    sizes = i32x4.max_s(sizes, v128.and(x, mask))
    highs = i32x4.max_s(highs, x)
  }
  const size = maxLane(sizes)
  return reinterpret<f32>(maxLane(highs) == size ? size : size | i32.MIN_VALUE)
}

// @ts-ignore: decorator
@inline
function maxLane(x: v128): i32 {
  return max(
    max(i32x4.extract_lane(x, 0), i32x4.extract_lane(x, 1)),
    max(i32x4.extract_lane(x, 2), i32x4.extract_lane(x, 3)),
  )
}

/** Sum of the four lanes, each sum rounded to float32. */
// @ts-ignore: decorator
@inline
function total(x: v128): f32 {
  return (
    f32x4.extract_lane(x, 0) + f32x4.extract_lane(x, 1) + (f32x4.extract_lane(x, 2) + f32x4.extract_lane(x, 3))
  )
}

/** The numbers between `low` and `high`, and these in place of what lies beyond them. */
// @ts-ignore: decorator
@inline
function clamp(x: v128, low: v128, high: v128): v128 {
  return f32x4.pmin(high, f32x4.pmax(low, x))
}

// @ts-ignore: decorator
@inline
function nearest(x: v128, low: v128, high: v128): v128 {
  const rounder = f32x4.splat(ROUNDER)
  return f32x4.sub(f32x4.add(clamp(x, low, high), rounder), rounder)
}

function int8Scale(group: usize, padded: i32, largest: f32): f32 {
  const inverse = <f32>(127.0 / <f64>abs(largest))
  const factor = f32x4.splat(inverse)
  const low = f32x4.splat(-127)
  const high = f32x4.splat(127)
  let products = f32x4.splat(0)
  let squares = f32x4.splat(0)
  for (let at = group, end = group + (<usize>padded << 2); at < end; at += 16) {
    const scaled = f32x4.mul(v128.load(at), factor)
    const code = nearest(scaled, low, high)
    products = f32x4.add(products, f32x4.mul(scaled, code))
    squares = f32x4.add(squares, f32x4.mul(code, code))
  }
  return <f32>(<f64>total(products) / <f64>inverse / <f64>total(squares))
}

let best: f64 = 0
let bestGain: f64 = 0

function int4Scale(group: usize, padded: i32, largest: f32): f32 {
  const reach = -8.0 / <f64>largest
  best = 0
  bestGain = -1
  for (let trial = 0; trial < INT4_TRIALS; trial += 4) {
    const inverseA = <f32>(int4Step(trial) * reach)
    const inverseB = <f32>(int4Step(trial + 1) * reach)
    const inverseC = <f32>(int4Step(trial + 2) * reach)
    const inverseD = <f32>(int4Step(trial + 3) * reach)
    const factorA = f32x4.splat(inverseA)
    const factorB = f32x4.splat(inverseB)
    const factorC = f32x4.splat(inverseC)
    const factorD = f32x4.splat(inverseD)
    const low = f32x4.splat(-8)
    const high = f32x4.splat(7)
    let productsA = f32x4.splat(0)
    let productsB = productsA
    let productsC = productsA
    let productsD = productsA
    let squaresA = productsA
    let squaresB = productsA
    let squaresC = productsA
    let squaresD = productsA
    for (let at = group, end = group + (<usize>padded << 2); at < end; at += 16) {
      const x = v128.load(at)
      const scaledA = f32x4.mul(x, factorA)
      const codeA = nearest(scaledA, low, high)
      productsA = f32x4.add(productsA, f32x4.mul(scaledA, codeA))
      squaresA = f32x4.add(squaresA, f32x4.mul(codeA, codeA))
      const scaledB = f32x4.mul(x, factorB)
      const codeB = nearest(scaledB, low, high)
      productsB = f32x4.add(productsB, f32x4.mul(scaledB, codeB))
      squaresB = f32x4.add(squaresB, f32x4.mul(codeB, codeB))
      const scaledC = f32x4.mul(x, factorC)
      const codeC = nearest(scaledC, low, high)
      productsC = f32x4.add(productsC, f32x4.mul(scaledC, codeC))
      squaresC = f32x4.add(squaresC, f32x4.mul(codeC, codeC))
      const scaledD = f32x4.mul(x, factorD)
      const codeD = nearest(scaledD, low, high)
      productsD = f32x4.add(productsD, f32x4.mul(scaledD, codeD))
      squaresD = f32x4.add(squaresD, f32x4.mul(codeD, codeD))
    }
    consider(total(productsA), total(squaresA), inverseA)
    consider(total(productsB), total(squaresB), inverseB)
    consider(total(productsC), total(squaresC), inverseC)
    consider(total(productsD), total(squaresD), inverseD)
  }
  return <f32>best
}

function consider(products: f32, squares: f32, inverse: f32): void {
  const projected = <f64>products / <f64>inverse
  const gain = (projected * projected) / <f64>squares
  if (gain <= bestGain) return
  bestGain = gain
  best = projected / <f64>squares
}

// @ts-ignore: decorator
@inline
function inverseOf(scale: f32): v128 {
  return f32x4.splat(scale == 0 ? <f32>0 : <f32>1 / scale)
}

function writeInt8(group: usize, padded: i32, scale: f32, to: usize): void {
  const inverse = inverseOf(scale)
  for (let at = group, end = group + (<usize>padded << 2); at < end; at += 64, to += 16) {
    v128.store(
      to,
      i8x16.narrow_i16x8_s(
        i16x8.narrow_i32x4_s(int8Codes(at, inverse), int8Codes(at + 16, inverse)),
        i16x8.narrow_i32x4_s(int8Codes(at + 32, inverse), int8Codes(at + 48, inverse)),
      ),
    )
  }
}

// @ts-ignore: decorator
@inline
function int8Codes(at: usize, inverse: v128): v128 {
  const inside = clamp(f32x4.mul(v128.load(at), inverse), f32x4.splat(-127), f32x4.splat(127))
  const rounder = f32x4.splat(ROUNDER)
  return i32x4.sub(f32x4.add(inside, rounder), rounder)
}

function writeInt4(group: usize, padded: i32, scale: f32, to: usize): void {
  const inverse = inverseOf(scale)
  for (let at = group, end = group + (<usize>padded << 2); at < end; at += 64, to += 8) {
    const codes = i8x16.narrow_i16x8_u(
      i16x8.narrow_i32x4_u(int4Codes(at, inverse), int4Codes(at + 16, inverse)),
      i16x8.narrow_i32x4_u(int4Codes(at + 32, inverse), int4Codes(at + 48, inverse)),
    )
    const pairs = v128.and(v128.or(codes, i16x8.shr_u(codes, 4)), i16x8.splat(255))
    v128.store64_lane(to, i8x16.narrow_i16x8_u(pairs, pairs), 0)
  }
}

/** Codes from 0 to 15, which stand for -8 to 7. */
// @ts-ignore: decorator
@inline
function int4Codes(at: usize, inverse: v128): v128 {
  const inside = clamp(f32x4.mul(v128.load(at), inverse), f32x4.splat(-8), f32x4.splat(7))
  return i32x4.sub(f32x4.add(inside, f32x4.splat(ROUNDER + 8)), f32x4.splat(ROUNDER))
}
