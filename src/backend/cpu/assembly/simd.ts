/**
 * a * b + c on four lanes. With relaxed SIMD this is one fused instruction; without, a product and a sum that are rounded
 * separately. Which one is decided when the module is compiled, so that a run uses one of them throughout.
 */
// @ts-ignore: decorator
@inline
export function madd(a: v128, b: v128, c: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return f32x4.relaxed_madd(a, b, c)
  return f32x4.add(f32x4.mul(a, b), c)
}

/** The lower bfloat16 of each 32-bit word, widened to float32 (the 16 bits become the upper half). */
// @ts-ignore: decorator
@inline
export function widenLow(words: v128): v128 {
  return i32x4.shl(words, 16)
}

/** In memory, for the reason that ./exp gives. */
export const UPPER_HALF = memory.data<u32>([0xffff0000])

/** The upper bfloat16 of each 32-bit word, widened to float32. */
// @ts-ignore: decorator
@inline
export function widenHigh(words: v128): v128 {
  return v128.and(words, v128.load_splat<u32>(UPPER_HALF))
}

/** Sum of the four lanes, in double precision. */
// @ts-ignore: decorator
@inline
export function sumLanes(x: v128): f64 {
  const low = f64x2.promote_low_f32x4(x)
  const high = f64x2.promote_low_f32x4(v128.shuffle<i64>(x, x, 1, 0))
  const sums = f64x2.add(low, high)
  return f64x2.extract_lane(sums, 0) + f64x2.extract_lane(sums, 1)
}

/** Largest of the four lanes; lanes that are NaN do not count unless they are the first. */
// @ts-ignore: decorator
@inline
export function maxLane(x: v128): f32 {
  const pairs = f32x4.pmax(x, v128.shuffle<i64>(x, x, 1, 0))
  return f32x4.extract_lane(f32x4.pmax(pairs, v128.shuffle<i32>(pairs, pairs, 1, 0, 3, 2)), 0)
}

/** The sums of the four lanes of each of four vectors. */
// @ts-ignore: decorator
@inline
export function sumsOfLanes(a: v128, b: v128, c: v128, d: v128): v128 {
  const ab = f32x4.add(v128.shuffle<i32>(a, b, 0, 4, 1, 5), v128.shuffle<i32>(a, b, 2, 6, 3, 7))
  const cd = f32x4.add(v128.shuffle<i32>(c, d, 0, 4, 1, 5), v128.shuffle<i32>(c, d, 2, 6, 3, 7))
  return f32x4.add(v128.shuffle<i64>(ab, cd, 0, 2), v128.shuffle<i64>(ab, cd, 1, 3))
}

/** One to three float32 numbers; the other lanes are 0 and their memory is not read. */
// @ts-ignore: decorator
@inline
export function loadPart(from: usize, count: i32): v128 {
  if (count == 1) return v128.load32_zero(from)
  const two = v128.load64_zero(from)
  return count == 2 ? two : v128.load_lane<f32>(from, two, 2, 8)
}
