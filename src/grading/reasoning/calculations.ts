import { parseArithmetic } from './arithmetic.js'
import type { Arithmetic } from './arithmetic.js'
import { readArithmeticTokens } from './arithmeticTokens.js'
import type { ArithmeticToken } from './arithmeticTokens.js'

/** A claim of the form `18 / 3 = 6` in a text. */
export interface Calculation {
  /** The left side, e.g. `18 / 3`. */
  readonly expression: string
  /** The right side as a number. */
  readonly claimed: number
  /** What the left side really is. */
  readonly value: number
  /** Whether the claim is true. */
  readonly correct: boolean
  /** Where the line that it stands in begins, in characters. */
  readonly position: number
}

/** Longer lines are not looked into: no calculation is that long. */
const MAX_LINE = 4000
const MAX_TOKENS_BACK = 60

/**
 * Finds the arithmetic in a text and checks it: `18 / 3 = 6`, `$5 × 3 = $15`, `20% of 50 is 10`, `3 times 6 equals 18`,
 * `\frac{18}{3} = 6`, and every equation of a chain. Units behind numbers are allowed. A decimal result may be rounded or
 * cut; a whole one only if the text says so (`≈`, `is about`). What holds a variable (`4x = 24`) or sums different units is
 * no calculation. Takes time linear in the length of the text.
 */
export function findCalculations(text: string): Calculation[] {
  const calculations: Calculation[] = []
  let position = 0
  for (const line of text.split('\n')) {
    if (line.length <= MAX_LINE && /\d/.test(line) && /[=≈≅]|\bequals\b|\bis\b|\\approx/.test(line)) {
      for (const calculation of calculationsOfLine(readArithmeticTokens(line)))
        calculations.push({ ...calculation, position })
    }
    position += line.length + 1
  }
  return calculations
}

function calculationsOfLine(tokens: readonly ArithmeticToken[]): Omit<Calculation, 'position'>[] {
  const found: Omit<Calculation, 'position'>[] = []
  for (const [i, sign] of tokens.entries()) {
    if (sign.kind !== 'equals') continue
    const left = expressionBefore(tokens, i)
    const right = parseArithmetic(tokens, i + 1, { implicitProducts: false })
    if (left === null || right === null || left.operands < 2) continue
    // `2 + 3 = 5 + 1 = 6` means that 2 + 3 is 5: running results are not equations.
    const follows = tokens[right.end]?.kind === 'equals'
    const first = right.operands > 1 && follows ? firstNumber(tokens, i + 1) : null
    const approximate = sign.approximate || isHedged(tokens[i - 1])
    const fits = (claim: Arithmetic): boolean =>
      [left.value, ...left.alternatives].some((value) => agrees(value, claim, approximate))
    const product = parseArithmetic(tokens, i + 1)
    const correct =
      fits(right) ||
      (product !== null && fits(product)) ||
      (first !== null && fits(first)) ||
      hasRemainder(tokens, right, left.value)
    if (!correct && isUnfinished(tokens[right.end])) continue
    // `the last digit of 3^3 is 7`
    if (!correct && sign.text.startsWith('is') && left.isOfSomething) continue
    // `2/5 is 12.8 hectares` names a part of something.
    const isPart = sign.text.startsWith('is') && /^\d+ \/ \d+(?: [a-z]|$)/.test(left.text)
    if (!correct && (left.mixedUnits || isPart)) continue
    found.push({ expression: left.text, claimed: (first ?? right).value, value: left.value, correct })
  }
  return found
}

/** The longest expression that ends right before the sign at `end`. */
function expressionBefore(
  tokens: readonly ArithmeticToken[],
  end: number,
): (Arithmetic & { text: string; isOfSomething: boolean }) | null {
  let start = end
  while (start > 0 && end - start < MAX_TOKENS_BACK && mayPrecede(tokens[start - 1]!, tokens[start])) start--
  for (; start < end; start++) {
    const parsed = parseArithmetic(tokens, start)
    // What begins in the middle of something longer, as in `x + 3 + 4 = 9` or `350 000 * 2`, cannot be checked.
    if (parsed?.end !== end) continue
    const before = tokens[start - 1]
    if (isBegun(before)) return null
    const text = tokens.slice(start, end).map((token) => token.text)
    return { ...parsed, text: text.join(' '), isOfSomething: before?.text === 'of' }
  }
  return null
}

/** Whether a claim goes on in a way that cannot be read: `= 2\sqrt{3}`, `= 2(n - 1)`. */
function isUnfinished(next: ArithmeticToken | undefined): boolean {
  return next !== undefined && (['operator', 'open'].includes(next.kind) || isVariable(next))
}

function isVariable(token: ArithmeticToken): boolean {
  return token.kind === 'stop' && /^[\p{L}\d_§]$/u.test(token.text)
}

function isBegun(before: ArithmeticToken | undefined): boolean {
  return before !== undefined && (['number', 'operator', 'close'].includes(before.kind) || isVariable(before))
}

/** Words belong to an expression as units only: never in front of a number. */
function mayPrecede(token: ArithmeticToken, next: ArithmeticToken | undefined): boolean {
  if (token.kind === 'stop' || token.kind === 'equals') return false
  return token.kind !== 'word' || (next?.kind !== 'number' && next?.kind !== 'open')
}

function firstNumber(tokens: readonly ArithmeticToken[], start: number): Arithmetic | null {
  return parseArithmetic(tokens.slice(0, start + 1), start)
}

function isHedged(before: ArithmeticToken | undefined): boolean {
  return before?.kind === 'word' && /^(?:about|approximately|roughly|around)$/.test(before.text)
}

/** Whether a claim is the value, rounded or cut to the places that the claim has. */
function agrees(value: number, claim: Arithmetic, approximate: boolean): boolean {
  const claims = claim.percent && claim.operands === 1 ? [claim.value, claim.value * 100] : [claim.value]
  const places = claim.operands === 1 ? claim.places + (claim.percent ? 2 : 0) : 0
  return claims.some((claimed) => {
    const difference = Math.abs(value - claimed)
    if (difference <= 1e-12 * Math.max(1, Math.abs(value))) return true
    const unit = 10 ** -places
    if (places >= 2 && claim.places > 0)
      return difference < unit && Math.abs(claimed) <= Math.abs(value) + unit / 2 + 1e-9
    if (claim.places > 0) return difference <= unit / 2 + 1e-9
    return approximate && (difference <= 0.5 + 1e-9 || difference <= 0.05 * Math.abs(value))
  })
}

/** `17 / 5 = 3 remainder 2`. */
function hasRemainder(tokens: readonly ArithmeticToken[], right: Arithmetic, value: number): boolean {
  const words = tokens.slice(Math.max(0, right.end - 3), right.end + 1)
  return (
    words.some(({ kind, text }) => kind === 'word' && /^rem(?:ainder|aining)?$/.test(text)) &&
    Math.floor(value + 1e-9) === right.value
  )
}
