import { Decimal } from 'decimal.js'
import type { Fraction } from '../numbers/fraction.js'

/**
 * A complex number that is known up to an error: the true value lies within 10^`error` of `re + im i`. Null functions below mean
 * that there is no such value, or none that can be told.
 */
export interface Ball {
  readonly re: Decimal
  /** Null for a real number. */
  readonly im: Decimal | null
  /** The logarithm of the largest error to base 10. */
  readonly error: number
}

/** Arithmetic with so many digits. */
export interface Precision {
  readonly digits: number
  readonly Decimal: typeof Decimal
  readonly pi: Decimal
  readonly e: Decimal
}

const PI =
  '3.14159265358979323846264338327950288419716939937510582097494459230781640628620899862803482534211706798214808651328230664709384460955058223172535940812848111745'

/** Arithmetic with so many significant digits, up to 140. */
export function precisionOf(digits: number): Precision {
  const Constructor = Decimal.clone({ precision: digits, defaults: true })
  return {
    digits,
    Decimal: Constructor,
    pi: new Constructor(PI).toSignificantDigits(digits),
    e: new Constructor(1).exp(),
  }
}

/** An upper bound of the logarithm of |x| to base 10, too large by 0.31 at most; -∞ for 0. */
function size(x: Decimal | null): number {
  if (x === null || x.isZero()) return -Infinity
  const leading = x.d[0]!
  return x.e + Math.log10((leading + 1) / 10 ** (String(leading).length - 1))
}

/** An upper bound of the logarithm of a ball's magnitude. */
export function magnitude({ re, im }: Ball): number {
  return im === null ? size(re) : Math.max(size(re), size(im)) + 0.16
}

/** A lower bound of it. */
export function lowerMagnitude(a: Ball): number {
  return magnitude(a) - 0.48
}

/** The logarithm of 10^a + 10^b. */
function logSum(a: number, b: number): number {
  const larger = Math.max(a, b)
  return larger === -Infinity ? larger : larger + Math.log10(1 + 10 ** (Math.min(a, b) - larger))
}

/** A number that is right to the last digit but for rounding, and what its operands' errors make of it. */
export function ball({ digits }: Precision, re: Decimal, im: Decimal | null, error: number): Ball | null {
  if (!re.isFinite() || im?.isFinite() === false) return null
  const rounding = Math.max(size(re), size(im)) - digits + 1
  return { re, im, error: logSum(error, rounding) }
}

export function ofFraction(precision: Precision, { numerator, denominator }: Fraction): Ball {
  const { Decimal: D, digits } = precision
  const above = new D(numerator.toString())
  if (denominator === 1n && above.e < digits) return { re: above, im: null, error: -Infinity }
  const value = above.div(new D(denominator.toString()))
  return { re: value, im: null, error: size(value) - digits + 2 }
}

export function negated({ re, im, error }: Ball): Ball {
  return { re: re.neg(), im: im?.neg() ?? null, error }
}

export function sum(precision: Precision, a: Ball, b: Ball): Ball | null {
  const im = a.im === null ? b.im : b.im === null ? a.im : a.im.add(b.im)
  return ball(precision, a.re.add(b.re), im, logSum(a.error, b.error))
}

export function product(precision: Precision, a: Ball, b: Ball): Ball | null {
  const error = logSum(logSum(magnitude(a) + b.error, magnitude(b) + a.error), a.error + b.error)
  if (a.im === null && b.im === null) return ball(precision, a.re.mul(b.re), null, error)
  const [x, y, u, v] = [a.re, a.im ?? zeroOf(precision), b.re, b.im ?? zeroOf(precision)]
  // Of a difference the rounding of its parts counts.
  const rounding = magnitude(a) + magnitude(b) - precision.digits + 1
  return ball(precision, x.mul(u).sub(y.mul(v)), x.mul(v).add(y.mul(u)), logSum(error, rounding))
}

function zeroOf({ Decimal: D }: Precision): Decimal {
  return new D(0)
}

/** Null if the number may be 0. */
export function inverse(precision: Precision, a: Ball): Ball | null {
  if (mayBeZero(a)) return null
  const lower = lowerMagnitude(a)
  const error = a.error - 2 * lower + 0.31
  if (a.im === null) return ball(precision, new precision.Decimal(1).div(a.re), null, error)
  const norm = a.re.mul(a.re).add(a.im.mul(a.im))
  return ball(precision, a.re.div(norm), a.im.neg().div(norm), Math.max(error, -lower - precision.digits + 2))
}

/** Whether 0 is within the error, or nearly. */
export function mayBeZero(a: Ball): boolean {
  return lowerMagnitude(a) <= a.error
}

/** The sign of a real number, 0 if it may be either. */
export function signOf(a: Ball): number {
  return mayBeZero(a) ? 0 : a.re.isNegative() ? -1 : 1
}

/** The principal square root. */
export function squareRoot(precision: Precision, a: Ball): Ball | null {
  if (a.re.isZero() && (a.im === null || a.im.isZero())) return a.error === -Infinity ? a : null
  const error = mayBeZero(a) ? (a.error + 1) / 2 : a.error - lowerMagnitude(a) / 2
  if (a.im === null) {
    const root = a.re.abs().sqrt()
    return a.re.isNegative() ? ball(precision, zeroOf(precision), root, error) : ball(precision, root, null, error)
  }
  const modulus = a.re.mul(a.re).add(a.im.mul(a.im)).sqrt()
  const half = modulus.add(a.re.abs()).div(2).sqrt()
  const other = a.im.div(half.mul(2))
  const [re, im] = a.re.isNegative() ? [other.abs(), a.im.isNegative() ? half.neg() : half] : [half, other]
  return ball(precision, re, im, Math.max(error, magnitude(a) / 2 - precision.digits + 2))
}

/** Larger exponents are beyond what can be told. */
const MAX_EXPONENT = 1e9

export function exponential(precision: Precision, a: Ball): Ball | null {
  if (a.re.abs().gt(MAX_EXPONENT) || a.error > 0) return null
  const modulus = a.re.exp()
  const error = size(modulus) + a.error + 0.5
  if (a.im === null) return ball(precision, modulus, null, error)
  if (a.im.abs().gt(1e15)) return null
  return ball(
    precision,
    modulus.mul(a.im.cos()),
    modulus.mul(a.im.sin()),
    Math.max(error, size(modulus) + size(a.im) - precision.digits),
  )
}

/** The principal logarithm. */
export function logarithm(precision: Precision, a: Ball): Ball | null {
  if (mayBeZero(a)) return null
  const error = a.error - lowerMagnitude(a) + 0.31
  if (a.im === null) return ball(precision, a.re.abs().ln(), a.re.isNegative() ? precision.pi : null, error)
  const { Decimal: D } = precision
  const modulus = a.re.mul(a.re).add(a.im.mul(a.im)).sqrt()
  return ball(precision, modulus.ln(), D.atan2(a.im, a.re), Math.max(error, -precision.digits + 2))
}

/** The sine, or the cosine. */
export function sine(precision: Precision, a: Ball, { isCosine = false } = {}): Ball | null {
  if (a.re.abs().gt(1e15) || a.error > 0) return null
  const argument = size(a.re) - precision.digits + 1
  const real = isCosine ? a.re.cos() : a.re.sin()
  if (a.im === null) return ball(precision, real, null, Math.max(a.error, argument) + 0.1)
  if (a.im.abs().gt(MAX_EXPONENT)) return null
  const [sinh, cosh] = [a.im.sinh(), a.im.cosh()]
  const error = Math.max(a.error, argument, -precision.digits) + size(cosh) + 1
  const imaginary = isCosine ? a.re.sin().neg() : a.re.cos()
  return ball(precision, real.mul(cosh), imaginary.mul(sinh), error)
}

/** The principal arc sine, arc cosine or arc tangent of a real number. */
export function inverseSine(precision: Precision, a: Ball): Ball | null {
  if (a.im !== null || a.re.abs().gt(1)) return null
  const { Decimal: D } = precision
  const slope = new D(1).sub(a.re.mul(a.re))
  // At ±1 the tangent is vertical.
  const error = slope.isZero() || size(slope) < a.error ? (a.error + 1) / 2 : a.error - (size(slope) - 1) / 2
  return ball(precision, a.re.asin(), null, error)
}

export function inverseTangent(precision: Precision, a: Ball): Ball | null {
  return a.im === null ? ball(precision, a.re.atan(), null, a.error) : null
}
