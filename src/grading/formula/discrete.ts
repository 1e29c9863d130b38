import { compare, fraction, isInteger } from '../numbers/fraction.js'
import * as balls from './ball.js'
import type { Ball } from './ball.js'
import { ballOf, exact, integer, minus, over, plus, signOf, smallInteger, spend, times, wrap } from './value.js'
import type { Calculation, Value } from './value.js'

/** Factorials of larger numbers are no longer exact. */
const MAX_EXACT_FACTORIAL = 3000
/** Those of larger ones have more digits than can be counted. */
const MAX_FACTORIAL = 1e14

/** n!, exact up to 3000!, then by Stirling's series. */
export function factorial(value: Value, calculation: Calculation): Value | null {
  const n = smallInteger(value)
  if (n === null || n < 0 || n > MAX_FACTORIAL) return null
  if (n > MAX_EXACT_FACTORIAL) return stirling(n, calculation)
  if (!spend(calculation, 1 + n / 2)) return null
  let product = 1n
  for (let i = 2n; i <= n; i++) product *= i
  return integer(product)
}

/** n!! = n (n - 2) (n - 4) … */
export function doubleFactorial(value: Value, calculation: Calculation): Value | null {
  const n = smallInteger(value)
  if (n === null || n < 0 || n > MAX_EXACT_FACTORIAL || !spend(calculation, 1 + n / 4)) return null
  let product = 1n
  for (let i = BigInt(n); i > 1n; i -= 2n) product *= i
  return integer(product)
}

/** The numbers B(2k) / (2k (2k - 1)) of Stirling's series, https://dlmf.nist.gov/5.11.E1. */
const stirlingNumbers: readonly (readonly [above: bigint, below: bigint])[] = [
  [1n, 12n],
  [-1n, 360n],
  [1n, 1260n],
  [-1n, 1680n],
  [1n, 1188n],
  [-691n, 360_360n],
  [1n, 156n],
  [-3617n, 122_400n],
  [43_867n, 244_188n],
  [-174_611n, 125_400n],
  [77_683n, 5796n],
]

function stirling(n: number, calculation: Calculation): Value | null {
  if (!spend(calculation, 1000)) return null
  const { precision } = calculation
  const { Decimal, pi } = precision
  const x = new Decimal(n)
  let log = x.add(0.5).mul(x.ln()).sub(x).add(pi.mul(2).ln().div(2))
  for (const [k, [above, below]] of stirlingNumbers.entries()) {
    log = log.add(new Decimal(above.toString()).div(below.toString()).div(x.pow(2 * k + 1)))
  }
  const truncation = 2 - (2 * stirlingNumbers.length + 1) * Math.log10(n)
  const known: Ball | null = balls.ball(precision, log, null, Math.max(truncation, log.e + 2 - precision.digits))
  return wrap(known && balls.exponential(precision, known))
}

/** n (n - 1) … (n - k + 1) / k! */
export function binomial(calculation: Calculation, n: Value, k: Value): Value | null {
  const count = smallInteger(k)
  const whole = smallInteger(n)
  if (count === null || count < 0) return count === null ? null : integer(0)
  const steps = whole !== null && whole >= count ? Math.min(count, whole - count) : count
  if (steps > MAX_EXACT_FACTORIAL || !spend(calculation, steps)) return null
  let result: Value | null = integer(1)
  for (let i = 0; i < steps && result !== null; i++) {
    const factor = plus(calculation, n, integer(-i))
    const product: Value | null = factor && times(calculation, result, factor)
    result = product && over(calculation, product, integer(i + 1))
  }
  return result
}

/** The next whole number below or above; null for a value too near to one to tell. */
export function rounded(value: Value, direction: 'floor' | 'ceil'): Value | null {
  if (direction === 'ceil') {
    const below = rounded(minus(value), 'floor')
    return below && minus(below)
  }
  if (value.exact) {
    const { numerator, denominator } = value.exact
    const quotient = numerator / denominator
    return integer(numerator < 0n && !isInteger(value.exact) ? quotient - 1n : quotient)
  }
  const { re, im, error } = value.ball
  if (im !== null || re.e > 30 || error > -3) return null
  const below = re.floor()
  const distance = re.sub(below)
  const margin = 10 ** error
  return distance.lt(margin) || distance.gt(1 - margin) ? null : integer(BigInt(below.toFixed(0)))
}

function integers(values: readonly Value[]): bigint[] | null {
  const whole = values.flatMap(({ exact: value }) => (value && isInteger(value) ? [value.numerator] : []))
  return whole.length === values.length && whole.every((one) => one !== 0n) && whole.length > 0 ? whole : null
}

export function greatestCommonDivisor(values: readonly Value[]): Value | null {
  const whole = integers(values)
  return whole && integer(whole.reduce(commonDivisor))
}

export function leastCommonMultiple(values: readonly Value[]): Value | null {
  const whole = integers(values)
  return whole && integer(whole.reduce((a, b) => (a / commonDivisor(a, b)) * b))
}

function commonDivisor(a: bigint, b: bigint): bigint {
  return fraction(a, b).numerator === 0n ? 1n : a / fraction(a, b).numerator
}

/** The largest value, or the smallest one with the direction -1. */
export function greatest(values: readonly Value[], calculation: Calculation, direction: 1 | -1): Value | null {
  const [first, ...rest] = values
  let best = first ?? null
  for (const value of rest) {
    if (best?.exact && value.exact) best = compare(value.exact, best.exact) === direction ? exact(value.exact) : best
    else {
      const difference = best && plus(calculation, value, minus(best))
      const sign = difference && signOf(difference)
      if (sign === null) return null
      best = sign === direction ? value : best
    }
  }
  return best && (best.ball ? { ball: ballOf(calculation, best) } : best)
}
