/**
 * e^x on four lanes, to about one unit in the last place: x = n·ln 2 + r with |r| <= ln 2 / 2, e^r by the polynomial of the
 * Cephes library's expf, 2^n by adding n to the exponent. Exactly 1 at 0; 0 below −87.33, where float32 loses precision;
 * +infinity above 88.72; NaN stays NaN.
 */
import { madd } from './simd'

/**
 * The constants lie in memory: V8 makes a constant vector anew from general registers at each use, also within loops, which costs
 * more than loading it. 1.5 · 2^23, added, rounds to a whole number, which then stands in the lowest bits. ln 2 is in two parts
 * (negated), the first with so few bits that its product with n is exact. LOWEST and HIGHEST are ln(2^−126) and ln(2^128),
 * rounded towards 0.
 */
const CONSTANTS = memory.data<f32>([
  1.44269504, 12582912, -0.693359375, 2.12194440e-4,
  1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1, 1,
  -87.33654, 88.72283, Infinity,
])
// Where in CONSTANTS, in bytes.
const LOG2_E = 0, ROUND = 4, LN2_HIGH = 8, LN2_LOW = 12
const P0 = 16, P1 = 20, P2 = 24, P3 = 28, P4 = 32, P5 = 36, ONE = 40
const LOWEST = 44, HIGHEST = 48, INFINITE = 52

// @ts-ignore: decorator
@inline
function constant(offset: usize): v128 {
  return v128.load_splat<f32>(CONSTANTS + offset)
}

/** e^x without the upper end of the range. */
// @ts-ignore: decorator
@inline
function power(x: v128): v128 {
  const shifted = madd(x, constant(LOG2_E), constant(ROUND))
  const n = f32x4.sub(shifted, constant(ROUND))
  const r = madd(n, constant(LN2_LOW), madd(n, constant(LN2_HIGH), x))
  let p = madd(r, constant(P0), constant(P1))
  p = madd(p, r, constant(P2))
  p = madd(p, r, constant(P3))
  p = madd(p, r, constant(P4))
  p = madd(p, r, constant(P5))
  p = f32x4.add(madd(p, f32x4.mul(r, r), r), constant(ONE))
  return i32x4.add(p, i32x4.shl(shifted, 23))
}

// @ts-ignore: decorator
@inline
export function exp4(x: v128): v128 {
  // x · infinity is what is above the range: infinity, or NaN.
  const high = v128.bitselect(power(x), f32x4.mul(x, constant(INFINITE)), f32x4.le(x, constant(HIGHEST)))
  return v128.andnot(high, f32x4.lt(x, constant(LOWEST)))
}

/** As exp4, for numbers that are not above 88, such as those of a softmax: the same bits. */
// @ts-ignore: decorator
@inline
export function expBelow4(x: v128): v128 {
  return v128.andnot(power(x), f32x4.lt(x, constant(LOWEST)))
}

/** As exp4, for one number; the same bits as a lane of exp4. */
// @ts-ignore: decorator
@inline
export function exp1(x: f32): f32 {
  return f32x4.extract_lane(exp4(f32x4.splat(x)), 0)
}
