/** A fraction in lowest terms with a positive denominator. */
export interface Fraction {
  readonly numerator: bigint
  readonly denominator: bigint
}

export const zero: Fraction = { numerator: 0n, denominator: 1n }

/** Brings a ratio to lowest terms. The denominator must not be 0. */
export function fraction(numerator: bigint, denominator = 1n): Fraction {
  if (denominator === 1n) return { numerator, denominator }
  const divisor = greatestCommonDivisor(numerator, denominator) * (denominator < 0n ? -1n : 1n)
  return { numerator: numerator / divisor, denominator: denominator / divisor }
}

export function add(a: Fraction, b: Fraction): Fraction {
  if (a.denominator === b.denominator) return fraction(a.numerator + b.numerator, a.denominator)
  return fraction(a.numerator * b.denominator + b.numerator * a.denominator, a.denominator * b.denominator)
}

export function negate({ numerator, denominator }: Fraction): Fraction {
  return { numerator: -numerator, denominator }
}

export function multiply(a: Fraction, b: Fraction): Fraction {
  return fraction(a.numerator * b.numerator, a.denominator * b.denominator)
}

/** Null for a division by zero. */
export function divide(a: Fraction, b: Fraction): Fraction | null {
  return b.numerator === 0n ? null : fraction(a.numerator * b.denominator, a.denominator * b.numerator)
}

/** A whole power; null for a power of zero that is not defined. */
export function power(base: Fraction, exponent: number): Fraction | null {
  const size = BigInt(Math.abs(exponent))
  const [above, below] = [base.numerator ** size, base.denominator ** size]
  if (exponent >= 0) return { numerator: above, denominator: below }
  if (above === 0n) return null
  return above < 0n ? { numerator: -below, denominator: -above } : { numerator: below, denominator: above }
}

export function isEqual(a: Fraction, b: Fraction): boolean {
  return a.numerator === b.numerator && a.denominator === b.denominator
}

export function isInteger({ denominator }: Fraction): boolean {
  return denominator === 1n
}

/** -1, 0 or 1. */
export function compare(a: Fraction, b: Fraction): number {
  const difference = a.numerator * b.denominator - b.numerator * a.denominator
  return difference === 0n ? 0 : difference < 0n ? -1 : 1
}

/** The value of `12.50`: decimal digits with at most one point. */
export function ofDecimal(digits: string): Fraction {
  const point = digits.indexOf('.')
  if (point < 0) return { numerator: BigInt(digits), denominator: 1n }
  const places = digits.length - point - 1
  return fraction(BigInt(digits.slice(0, point) + digits.slice(point + 1)), 10n ** BigInt(places))
}

/**
 * The normal form of a fraction: a plain decimal without needless zeros if it has one, such as `-0.75`, otherwise `14/3`. Equal
 * fractions have equal normal forms.
 */
export function normalForm({ numerator, denominator }: Fraction): string {
  if (denominator === 1n) return String(numerator)
  if (numerator < 0n) return `-${normalForm({ numerator: -numerator, denominator })}`
  let rest = denominator
  let places = 0
  for (const prime of [2n, 5n]) {
    let count = 0
    for (; rest % prime === 0n; count++) rest /= prime
    places = Math.max(places, count)
  }
  if (rest !== 1n) return `${numerator}/${denominator}`
  const digits = String((numerator * 10n ** BigInt(places)) / denominator).padStart(places + 1, '0')
  return `${digits.slice(0, -places)}.${digits.slice(-places)}`
}

function greatestCommonDivisor(a: bigint, b: bigint): bigint {
  let [x, y] = [a < 0n ? -a : a, b < 0n ? -b : b]
  while (y !== 0n) [x, y] = [y, x % y]
  return x === 0n ? 1n : x
}
