import { fraction, isEqual } from '../numbers/fraction.js'
import type { Fraction } from '../numbers/fraction.js'
import * as balls from './ball.js'
import { precisionOf } from './ball.js'

import { evaluate } from './evaluate.js'
import type { Variables } from './evaluate.js'
import { hasPart, variablesOf } from './formula.js'
import type { Formula, NumberFormula } from './formula.js'
import { ballOf, exact, integer, isZero, minus, plus, signOf, times } from './value.js'
import type { Budget, Calculation, Value } from './value.js'

/** What looks equal to the first precision has to be so to the second one. */
const precisions = [precisionOf(28), precisionOf(90)] as const
/** A comparison may take so much work, some tenths of a second. */
const MAX_WORK = 60_000

/** What a comparison of answers with many parts may spend on all of them. */
export function comparisonBudget(): Budget {
  return { work: MAX_WORK }
}

/** A calculation of so much work, exact or to some 20 digits, with principal values. */
export function roughly(budget: Budget): Calculation {
  return { precision: precisions[0], isReal: false, budget }
}

export type Comparison = 'equal' | 'proportional' | 'positively proportional'

/**
 * Whether two formulas have the same value, for all values of their variables: exactly where both come to fractions, otherwise
 * to 90 digits; 0 is equal to 0 only. With variables both are worked out at some points, at three or more of which they must
 * be defined. `proportional`: whether one is a constant other than 0 times the other.
 *
 * What takes more than a bounded amount of work, or has no value, is equal to nothing.
 */
export function sameValue(
  a: Formula,
  b: Formula,
  { comparison = 'equal', budget = comparisonBudget() }: { comparison?: Comparison; budget?: Budget } = {},
): boolean {
  const variables = [...variablesOf(b, variablesOf(a))].sort()
  if (variables.length === 0) return comparison === 'equal' && sameNumber(a, b, budget)
  const isComplex = hasPart(a, isImaginary) || hasPart(b, isImaginary)
  const isWhole = [a, b].some((formula) => hasPart(formula, needsIntegers))
  const points = pointsOf(variables, isWhole)
  const verdict = isComplex
    ? null
    : agree([a, b], points, comparison, { precision: precisions[0], isReal: true, budget })
  return verdict ?? agree([a, b], points, comparison, { precision: precisions[0], isReal: false, budget }) ?? false
}

function sameNumber(a: Formula, b: Formula, budget: Budget): boolean {
  const isReal = !(hasPart(a, isImaginary) || hasPart(b, isImaginary))
  // A real reading first: the cube root of -8 is -2.
  for (const real of isReal ? [true, false] : [false]) {
    let isSame: boolean | null = null
    for (const precision of precisions) {
      const calculation = { precision, isReal: real, budget }
      const [x, y] = [evaluate(a, new Map(), calculation), evaluate(b, new Map(), calculation)]
      isSame = x && y && isClose(x, y, calculation)
      if (isSame !== true || (x?.exact && y?.exact)) break
    }
    if (isSame !== null) return isSame
  }
  return false
}

function isImaginary(part: Formula): boolean {
  return (part.kind === 'constant' && part.name === 'i') || (part.kind === 'apply' && part.operator === 'cis')
}

/** Whether two values are equal as far as they are known. Null if they are not known well enough to tell. */
function isClose(a: Value, b: Value, calculation: Calculation): boolean | null {
  if (a.exact && b.exact) return isEqual(a.exact, b.exact)
  if (isZero(a) !== isZero(b) && !mayBeZero(isZero(a) ? b : a, calculation)) return false
  const difference = balls.sum(calculation.precision, ballOf(calculation, a), balls.negated(ballOf(calculation, b)))
  if (difference === null) return null
  if (balls.lowerMagnitude(difference) > difference.error) return false
  const size = Math.max(
    balls.magnitude(ballOf(calculation, a)),
    balls.magnitude(ballOf(calculation, b)),
    -calculation.precision.digits,
  )
  return difference.error < size - calculation.precision.digits / 2 ||
    difference.error < -calculation.precision.digits / 2
    ? true
    : null
}

function mayBeZero(value: Value, calculation: Calculation): boolean {
  return balls.mayBeZero(ballOf(calculation, value))
}

/** Factorials and the like are defined for whole numbers. */
function needsIntegers(part: Formula): boolean {
  return (
    part.kind === 'apply' &&
    ['factorial', 'doubleFactorial', 'binomial', 'sumOver', 'productOver', 'gcd', 'lcm'].includes(part.operator)
  )
}

const numbers = [
  [3, 7],
  [-5, 3],
  [13, 6],
  [-2, 5],
  [17, 5],
  [-9, 4],
  [1, 6],
  [-23, 9],
  [29, 4],
  [41, 6],
  [8, 11],
  [-1, 8],
].map(([above, below]) => fraction(BigInt(above!), BigInt(below!)))

/** Points to compare formulas at: of either sign, positive, between 0 and 1, large. */
function pointsOf(variables: readonly string[], isWhole: boolean): Variables[] {
  const point = (valueAt: (i: number) => Fraction): Variables =>
    new Map(variables.map((name, i) => [name, exact(valueAt(i))]))
  if (isWhole) return [0, 1, 2, 3].map((probe) => point((i) => fraction(BigInt(2 + probe * (i + 1) + 3 * i))))
  const at = (index: number): Fraction => numbers[index % numbers.length]!
  const absolute = ({ numerator, denominator }: Fraction): Fraction => ({
    numerator: numerator < 0n ? -numerator : numerator,
    denominator,
  })
  const mixed = [0, 1, 2, 3, 4].map((probe) => point((i) => at(5 * i + 3 * probe)))
  const positive = [0, 1, 2].map((probe) => point((i) => absolute(at(7 * i + 2 * probe + 1))))
  const small = [1, 2, 3].map((probe) => point((i) => fraction(BigInt(2 * probe + i), BigInt(11 + 2 * i + probe))))
  const large = [1, 2, 3].map((probe) => point((i) => fraction(BigInt(40 * probe + 7 * i + 1), 3n)))
  return [...mixed, ...positive, ...small, ...large]
}

/** At so few points formulas have to agree, and no more than so many are tried. */
const ENOUGH = 3
const PLENTY = 6

/** Whether two formulas agree wherever both are defined; null if that is at too few of the points. */
function agree(
  [a, b]: readonly [Formula, Formula],
  points: readonly Variables[],
  comparison: Comparison,
  calculation: Calculation,
): boolean | null {
  const agreed: Variables[] = []
  let reference: Variables | null = null
  for (const variables of points) {
    const isSame = agreeAt(a, b, [variables, reference], comparison, calculation)
    if (isSame === false) return false
    if (isSame === null) continue
    agreed.push(variables)
    if (comparison !== 'equal' && reference === null && !vanishes(a, variables, calculation)) reference = variables
    if (agreed.length === PLENTY) break
  }
  if (agreed.length < ENOUGH || (comparison !== 'equal' && reference === null)) return null
  return agreeAt(a, b, [agreed.at(-1)!, reference], comparison, { ...calculation, precision: precisions[1] })
}

function agreeAt(
  a: Formula,
  b: Formula,
  [variables, reference]: readonly [Variables, Variables | null],
  comparison: Comparison,
  calculation: Calculation,
): boolean | null {
  const [x, y] = [evaluate(a, variables, calculation), evaluate(b, variables, calculation)]
  if (x === null || y === null) return null
  if (comparison === 'equal') return isClose(x, y, calculation)
  if (isZero(x) || isZero(y)) return isClose(x, y, calculation)
  if (mayBeZero(x, calculation) || mayBeZero(y, calculation))
    return mayBeZero(x, calculation) === mayBeZero(y, calculation)
  if (comparison === 'positively proportional' && signOf(x) !== signOf(y)) return false
  if (reference === null || reference === variables) return true
  const [u, v] = [evaluate(a, reference, calculation), evaluate(b, reference, calculation)]
  const [left, right] = [v && times(calculation, x, v), u && times(calculation, y, u)]
  return left && right && isClose(left, right, calculation)
}

function vanishes(formula: Formula, variables: Variables, calculation: Calculation): boolean {
  const value = evaluate(formula, variables, calculation)
  return value === null || isZero(value) || mayBeZero(value, calculation)
}

/**
 * Whether a decimal is what the value of a formula rounds to at as many places: 0.333333 for 1/3. A value that is a decimal itself
 * is not rounded.
 */
export function isRounding({ value: decimal, places }: NumberFormula, formula: Formula, budget: Budget): boolean {
  const [precision] = precisions
  const calculation: Calculation = { precision, isReal: true, budget }
  const value = evaluate(formula, new Map(), calculation)
  if (value === null || (value.exact && isFiniteDecimal(value.exact))) return false
  const difference = plus(calculation, value, minus(exact(decimal)))
  const unit = times(calculation, difference ?? integer(1), exact(fraction(2n * 10n ** BigInt(places))))
  if (difference === null || unit === null) return false
  const excess = plus(calculation, signOf(unit) === -1 ? minus(unit) : unit, integer(-1))
  return excess !== null && signOf(excess) === -1
}

function isFiniteDecimal({ denominator }: Fraction): boolean {
  let rest = denominator
  for (const prime of [2n, 5n]) while (rest % prime === 0n) rest /= prime
  return rest === 1n
}
