/**
 * ln x on four lanes, to about one unit in the last place, for x >= 2^−126: x = 2^n · (1 + f) with 1 + f in [√½, √2), ln(1 + f)
 * by the polynomial of the Cephes library's logf. +infinity and NaN stay what they are. (AssemblyScript's own logarithm takes one
 * number at a time.)
 */
import { madd } from './simd'

/** Bits of √½: subtracting them before the exponent is cut off makes the mantissa start at √½ instead of 1. */
const HALF_ROOT = 0x3f3504f3

// @ts-ignore: decorator
@inline
export function log4(x: v128): v128 {
  const offset = i32x4.sub(x, i32x4.splat(HALF_ROOT))
  const n = f32x4.convert_i32x4_s(i32x4.shr_s(offset, 23))
  const mantissa = i32x4.add(v128.and(offset, i32x4.splat(0x7fffff)), i32x4.splat(HALF_ROOT))
  const f = f32x4.sub(mantissa, f32x4.splat(1))
  const square = f32x4.mul(f, f)
  let p = madd(f, f32x4.splat(7.0376836292e-2), f32x4.splat(-1.1514610310e-1))
  p = madd(p, f, f32x4.splat(1.1676998740e-1))
  p = madd(p, f, f32x4.splat(-1.2420140846e-1))
  p = madd(p, f, f32x4.splat(1.4249322787e-1))
  p = madd(p, f, f32x4.splat(-1.6668057665e-1))
  p = madd(p, f, f32x4.splat(2.0000714765e-1))
  p = madd(p, f, f32x4.splat(-2.4999993993e-1))
  p = madd(p, f, f32x4.splat(3.3333331174e-1))
  // ln 2 in two parts, as in ./exp: n · 0.693359375 is exact.
  p = madd(n, f32x4.splat(-2.12194440e-4), f32x4.mul(p, f32x4.mul(f, square)))
  p = madd(square, f32x4.splat(-0.5), p)
  p = madd(n, f32x4.splat(0.693359375), f32x4.add(f, p))
  return v128.bitselect(p, x, f32x4.lt(x, f32x4.splat(<f32>Infinity)))
}

/** As log4, for one number; the same bits as a lane of log4. */
// @ts-ignore: decorator
@inline
export function log1(x: f32): f32 {
  return f32x4.extract_lane(log4(f32x4.splat(x)), 0)
}
