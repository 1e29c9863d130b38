import { add, divide, fraction, isInteger, multiply, negate, power } from '../numbers/fraction.js'
import type { Fraction } from '../numbers/fraction.js'
import * as balls from './ball.js'
import type { Ball, Precision } from './ball.js'

/** What a formula comes to: an exact fraction, or a number up to an error. */
export type Value =
  { readonly exact: Fraction; readonly ball?: undefined } | { readonly ball: Ball; readonly exact?: undefined }

/** How values are worked out. */
export interface Calculation {
  readonly precision: Precision
  /** Roots and logarithms of negative numbers are not defined, odd roots are negative; otherwise they are principal values. */
  readonly isReal: boolean
  readonly budget: Budget
}

/** How much work may still be done: 1 is a few microseconds. */
export interface Budget {
  work: number
}

/** Exact numbers of more bits are carried on as balls. */
const MAX_BITS = 40_000

export function exact(value: Fraction): Value {
  return { exact: value }
}

export function integer(value: number | bigint): Value {
  return { exact: fraction(BigInt(value)) }
}

export function wrap(value: Ball | null): Value | null {
  return value && { ball: value }
}

function bitsOf(value: bigint): number {
  return 4 * value.toString(16).length
}

function bits({ numerator, denominator }: Fraction): number {
  return denominator === 1n ? bitsOf(numerator) : bitsOf(numerator) + bitsOf(denominator)
}

/** Takes work from what is left; false if there is not enough. */
export function spend({ budget }: Calculation, work: number): boolean {
  budget.work -= work
  return budget.work >= 0
}

export function ballOf({ precision }: Calculation, value: Value): Ball {
  return value.ball ?? balls.ofFraction(precision, value.exact)
}

/** Whole numbers that fit a JavaScript number; null for others. */
export function smallInteger(value: Value): number | null {
  const { exact: known } = value
  if (known === undefined || !isInteger(known)) return null
  const number = Number(known.numerator)
  return Number.isSafeInteger(number) ? number : null
}

function viaBalls(
  calculation: Calculation,
  a: Value,
  b: Value,
  operation: (precision: Precision, a: Ball, b: Ball) => Ball | null,
): Value | null {
  if (!spend(calculation, 10)) return null
  return wrap(operation(calculation.precision, ballOf(calculation, a), ballOf(calculation, b)))
}

/** Whether two exact numbers can be combined exactly. */
function areSmall(calculation: Calculation, a: Fraction, b: Fraction): boolean {
  const size = bits(a) + bits(b)
  return size <= MAX_BITS && spend(calculation, 1 + (size / 64) ** 1.5 / 20)
}

export function plus(calculation: Calculation, a: Value, b: Value): Value | null {
  if (a.exact && b.exact && areSmall(calculation, a.exact, b.exact)) return exact(add(a.exact, b.exact))
  return viaBalls(calculation, a, b, balls.sum)
}

export function minus(a: Value): Value {
  return a.exact ? exact(negate(a.exact)) : { ball: balls.negated(a.ball) }
}

export function times(calculation: Calculation, a: Value, b: Value): Value | null {
  if (isZero(a) || isZero(b)) return integer(0)
  if (a.exact && b.exact && areSmall(calculation, a.exact, b.exact)) return exact(multiply(a.exact, b.exact))
  return viaBalls(calculation, a, b, balls.product)
}

export function over(calculation: Calculation, a: Value, b: Value): Value | null {
  if (isZero(b)) return null
  if (a.exact && b.exact && areSmall(calculation, a.exact, b.exact)) {
    const quotient = divide(a.exact, b.exact)
    return quotient && exact(quotient)
  }
  return viaBalls(calculation, a, b, (precision, x, y) => {
    const reciprocal = balls.inverse(precision, y)
    return reciprocal && balls.product(precision, x, reciprocal)
  })
}

/** Whether a value is 0 for sure. */
export function isZero(value: Value): boolean {
  return value.exact?.numerator === 0n
}

/** -1, 0 or 1; null for what is not real or cannot be told. */
export function signOf(value: Value): number | null {
  if (value.exact) return value.exact.numerator === 0n ? 0 : value.exact.numerator < 0n ? -1 : 1
  const { ball } = value
  if (ball.im !== null) return null
  return balls.signOf(ball) || null
}

/** `base` to a power; null where it is not defined. */
export function raised(calculation: Calculation, base: Value, exponent: Value): Value | null {
  if (isZero(exponent)) return isZero(base) ? null : integer(1)
  if (isZero(base)) return signOf(exponent) === 1 ? integer(0) : null
  if (base.exact && exponent.exact) {
    const rational = rationalPower(calculation, base.exact, exponent.exact)
    if (rational !== undefined) return rational
  }
  const whole = smallInteger(exponent)
  if (whole !== null && Math.abs(whole) <= 64 && base.ball) return repeated(calculation, base, whole)
  const isNegative = base.exact ? base.exact.numerator < 0n : base.ball.im === null && base.ball.re.isNegative()
  if (!isNegative || !calculation.isReal) return principalPower(calculation, base, exponent)
  // Of a negative number, powers with an odd denominator are real.
  if (!exponent.exact || exponent.exact.denominator % 2n === 0n) return null
  const size = principalPower(calculation, minus(base), exponent)
  return size && (exponent.exact.numerator % 2n === 0n ? size : minus(size))
}

/** The exact power, if it has one that is small enough; undefined if it has to be worked out otherwise. */
function rationalPower(calculation: Calculation, base: Fraction, exponent: Fraction): Value | null | undefined {
  const root = isInteger(exponent) ? base : exactRoot(calculation, base, exponent.denominator)
  const count = Number(exponent.numerator)
  if (root === null || bits(root) * Math.abs(count) > MAX_BITS) return undefined
  if (!spend(calculation, bits(root) * Math.abs(count) * 0.01)) return null
  const result = power(root, count)
  return result && exact(result)
}

/** The root of a fraction, if it is a fraction. */
function exactRoot({ isReal }: Calculation, { numerator, denominator }: Fraction, index: bigint): Fraction | null {
  if (index > 64n || bitsOf(numerator) + bitsOf(denominator) > 4000) return null
  if (numerator < 0n && (index % 2n === 0n || !isReal)) return null
  const [above, below] = [integerRoot(numerator < 0n ? -numerator : numerator, index), integerRoot(denominator, index)]
  return above === null || below === null ? null : { numerator: numerator < 0n ? -above : above, denominator: below }
}

/** By Newton's method from above. */
function integerRoot(value: bigint, index: bigint): bigint | null {
  if (value < 2n) return value
  let root = 1n << (BigInt(bitsOf(value)) / index + 1n)
  for (;;) {
    const next = ((index - 1n) * root + value / root ** (index - 1n)) / index
    if (next >= root) return root ** index === value ? root : null
    root = next
  }
}

function repeated(calculation: Calculation, base: Value, exponent: number): Value | null {
  let result: Value | null = integer(1)
  for (const bit of Math.abs(exponent).toString(2)) {
    result = result && times(calculation, result, result)
    if (bit === '1') result = result && times(calculation, result, base)
  }
  return result && (exponent < 0 ? over(calculation, integer(1), result) : result)
}

function principalPower(calculation: Calculation, base: Value, exponent: Value): Value | null {
  if (!spend(calculation, 300)) return null
  const { precision } = calculation
  const isHalf = exponent.exact?.numerator === 1n && exponent.exact.denominator === 2n
  if (isHalf) return wrap(balls.squareRoot(precision, ballOf(calculation, base)))
  const log = balls.logarithm(precision, ballOf(calculation, base))
  const scaled = log && balls.product(precision, log, ballOf(calculation, exponent))
  return wrap(scaled && balls.exponential(precision, scaled))
}
