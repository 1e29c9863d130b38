import { evaluate } from '../formula/evaluate.js'
import type { Formula } from '../formula/formula.js'
import { parseFormula } from '../formula/parseFormula.js'
import { comparisonBudget, roughly } from '../formula/sameValue.js'
import { withoutUnitLetters } from '../formula/units.js'
import { plainCharacters } from '../numbers/characters.js'
import { add, compare, divide, isEqual, isInteger, multiply, normalForm, ofDecimal } from '../numbers/fraction.js'
import type { Fraction } from '../numbers/fraction.js'
import type { Answer } from './answer.js'
import { answerOf } from './answerOf.js'
import { isHeading } from './headings.js'
import { withoutExplanation, withoutLeadIn } from './withoutExplanation.js'

/** No answer is longer. */
const MAX_ANSWER_LENGTH = 2000

const simple = /^\s*(?:\$\s?)?(-?)(\d{1,300}|[1-9]\d{0,2}(?:,\d{3})+)(\.\d{1,300})?\s*$/

/**
 * The one number of a short text in its normal form (see {@link normalForm}), e.g. `-3` for `$-3.00`, `18` for `**18** apples`,
 * `0.75` for `\frac{3}{4}`, `2000000` for `2 million`, `18` for `9 * 2 = 18` and `18 (rounded from 17.6)`. Units, currency and per
 * cent do not count: 50% is 50.
 *
 * Null if there is none, or more than one: `17 or 18` is no answer, nor is `12:30`, `3 : 2`, `17 = 18`, `9 * 2`, `2. Multiply` or
 * `17-18`.
 */
export function readNumber(text: string): string | null {
  const match = simple.exec(text)
  if (match !== null) {
    const [, sign = '', whole = '', tail = ''] = match
    return normalForm(ofDecimal(sign + whole.replaceAll(',', '') + tail))
  }
  const value = readFraction(text)
  return value && normalForm(value)
}

function readFraction(text: string): Fraction | null {
  if (text.length > MAX_ANSWER_LENGTH || text.trim() === '') return null
  const plain = plainCharacters(text)
    .replace(/[\p{Extended_Pictographic}\u{fe0f}✓✅`]|<\/?(?:b|i|strong|em|u|s)>|<\|[^<>|]{0,30}\|>/gu, '')
    .replace(/\*\*(?=\S)([^*]*)\*\*/g, '$1')
    .replace(/^\s*####(?!#)|^[\s*_"'“”]+(?=\S)|[\s*_"'“”!]+$/g, '')
  if (isHeading(plain)) return null
  const answer = withoutExplanation(withoutLeadIn(plain))
  if (answer === null) return null
  // `18 (9 x 2)` says the same twice.
  const [, number, calculation] = /^([^()]+?)\s+\(([^()]+)\)\s*$/.exec(answer) ?? []
  if (number !== undefined && calculation !== undefined) {
    const [value, other] = [readClaim(number), parseFormula(calculation)]
    const result = other && valueOf(other)
    return value && result && isEqual(value, result) ? value : null
  }
  return readClaim(withoutLeadIn(answer))
}

function readClaim(text: string): Fraction | null {
  const formula = parseFormula(text, { isNumber: true })
  const claim = formula && answerOf(formula)
  // `18, 18` is a list, `3/4 or 0.75` is one number.
  return claim === null || (claim.kind === 'set' && !/\bor\b|\bcents?\b/.test(text)) ? null : numberOf(claim)
}

/** The number that a formula gives as an answer; null for anything that is none, or for several. */
export function numberOf(answer: Answer): Fraction | null {
  switch (answer.kind) {
    case 'named':
      return /^(?:step|part|question|problem|example|case|option|day|page)s?$/.test(answer.name)
        ? null
        : numberOf(answer.is)
    case 'value':
      return isPlain(withoutUnitLetters(answer.formula)) ? valueOf(withoutUnitLetters(answer.formula)) : null
    case 'chain': {
      const values = answer.items.map((item) =>
        item.kind === 'value' ? valueOf(withoutUnitLetters(item.formula)) : null,
      )
      const result = answer.items.findLast((item) => numberOf(item) !== null)
      const number = result === undefined ? null : numberOf(result)
      return number !== null && values.every((value) => value !== null && isEqual(value, number)) ? number : null
    }
    case 'set': {
      const money = dollarsAndCents(answer.items)
      if (money !== null) return money
      const [number, ...others] = answer.items.map(numberOf)
      return number && others.every((other) => other !== null && isEqual(number, other)) ? number : null
    }
    default:
      return null
  }
}

/** `18 dollars and 50 cents` */
function dollarsAndCents(items: readonly Answer[]): Fraction | null {
  const amounts = items.flatMap((item) => {
    const unit = item.kind === 'value' && item.unit?.dimensions.has('money') ? item.unit : null
    const count = unit && numberOf(item)
    return count ? [{ count, factor: unit.factor }] : []
  })
  const [whole, part] = amounts
  if (!whole || !part || items.length > 2 || compare(part.factor, whole.factor) >= 0) return null
  return add(whole.count, multiply(part.count, divide(part.factor, whole.factor)!))
}

function valueOf(formula: Formula): Fraction | null {
  return evaluate(formula, new Map(), roughly(comparisonBudget()))?.exact ?? null
}

/** A number as people write one: `-3/4`, `\frac{36}{2}`, `1.5 \times 10^3`, `2^{10}`; but `9 * 2` has yet to be worked out. */
function isPlain(formula: Formula): boolean {
  if (formula.kind === 'number') return true
  if (formula.kind !== 'apply') return false
  const [left, right] = formula.operands
  switch (formula.operator) {
    case 'negate':
      return isPlain(left!)
    case 'divide':
      return isSignedNumber(left!) && isSignedNumber(right!)
    case 'power':
      return isSignedNumber(left!) && isSignedInteger(right!)
    case 'multiply':
      return isSignedNumber(left!) && isPowerOfTen(right!)
    default:
      return false
  }
}

function isSignedNumber(formula: Formula): boolean {
  return (
    formula.kind === 'number' ||
    (formula.kind === 'apply' && formula.operator === 'negate' && isSignedNumber(formula.operands[0]!))
  )
}

function isSignedInteger(formula: Formula): boolean {
  if (formula.kind === 'number') return isInteger(formula.value)
  return formula.kind === 'apply' && formula.operator === 'negate' && isSignedInteger(formula.operands[0]!)
}

function isPowerOfTen(formula: Formula): boolean {
  if (formula.kind !== 'apply' || formula.operator !== 'power') return false
  const [base, exponent] = formula.operands
  return base!.kind === 'number' && base.value.numerator === 10n && isInteger(base.value) && isSignedInteger(exponent!)
}

/** The number that a whole text consists of, apart from white space around it; null if there is anything else. */
export function readBareNumber(text: string): string | null {
  const trimmed = text.trim()
  return /^[-−]?[\d.,]*\d$/.test(trimmed) ? readNumber(trimmed) : null
}
