/**
 * e^x on four lanes, to about one unit in the last place: x = n·ln 2 + r with |r| <= ln 2 / 2, e^r by the polynomial of the
 * Cephes library's expf, 2^n by adding n to the exponent. Exactly 1 at 0; 0 below −87.33, where float32 loses precision;
 * +infinity above 88.72; NaN stays NaN.
 */
import { madd } from './simd'

/** ln(2^−126) and ln(2^128), rounded towards 0. */
const LOWEST: f32 = -87.33654, HIGHEST: f32 = 88.72283

/** Adding 1.5 · 2^23 rounds to a whole number, which then stands in the lowest bits. */
const ROUND: f32 = 12582912

/** ln 2 in two parts: the first has so few bits that its product with n is exact. */
const LN2_HIGH: f32 = 0.693359375, LN2_LOW: f32 = -2.12194440e-4

// @ts-ignore: decorator
@inline
export function exp4(x: v128): v128 {
  const shifted = madd(x, f32x4.splat(1.44269504), f32x4.splat(ROUND))
  const n = f32x4.sub(shifted, f32x4.splat(ROUND))
  const r = madd(n, f32x4.splat(-LN2_LOW), madd(n, f32x4.splat(-LN2_HIGH), x))
  let p = madd(r, f32x4.splat(1.9875691500e-4), f32x4.splat(1.3981999507e-3))
  p = madd(p, r, f32x4.splat(8.3334519073e-3))
  p = madd(p, r, f32x4.splat(4.1665795894e-2))
  p = madd(p, r, f32x4.splat(1.6666665459e-1))
  p = madd(p, r, f32x4.splat(5.0000001201e-1))
  p = f32x4.add(madd(p, f32x4.mul(r, r), r), f32x4.splat(1))
  const power = i32x4.add(p, i32x4.shl(shifted, 23))
  // x · infinity is what is above the range: infinity, or NaN.
  const high = v128.bitselect(power, f32x4.mul(x, f32x4.splat(<f32>Infinity)), f32x4.le(x, f32x4.splat(HIGHEST)))
  return v128.andnot(high, f32x4.lt(x, f32x4.splat(LOWEST)))
}

/** As exp4, for one number; the same bits as a lane of exp4. */
// @ts-ignore: decorator
@inline
export function exp1(x: f32): f32 {
  return f32x4.extract_lane(exp4(f32x4.splat(x)), 0)
}
