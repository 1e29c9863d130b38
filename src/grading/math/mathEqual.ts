import { normalForm, ratioOf } from '../answers/numbers.js'
import { compareExpressions } from './algebra.js'
import { parseMathAnswer } from './mathAnswer.js'
import type { MathAnswer } from './mathAnswer.js'

/** Longer lists, points and matrices are not compared. */
const MAX_ITEMS = 100
/** A decimal with so many places stands for an exact value that it is the rounding of: `0.333333` for 1/3, not `0.333`. */
const MIN_PLACES_OF_ROUNDING = 6

/** When two mathematical answers are equal. */
export interface MathEqualOptions {
  /** Lets `50%` also equal 0.5. As a reward that invites guessing the scale of an answer. Defaults to false. */
  percentLeniency?: boolean
}

/**
 * Whether two answers in LaTeX or plain text are the same.
 *
 * Numbers are compared exactly, whatever clothes they wear; a decimal with six or more places also equals the fraction or
 * root that it is rounded from. Units, currency, degree and percent signs do not count (50% is 50, not 0.5), nor does the
 * name in `x = 5`. Points, intervals and matrices are compared item by item, sets and lists in any order, words without
 * regard to capitals. What is left are expressions: a computer algebra system decides, within a second.
 */
export async function mathEqual(left: string, right: string, options: MathEqualOptions = {}): Promise<boolean> {
  if (left.trim() === '' || right.trim() === '') return false
  if (left.trim() === right.trim()) return true
  const [a, b] = [parseMathAnswer(left), parseMathAnswer(right)]
  if (await equal(a, b)) return true
  if (options.percentLeniency !== true || left.includes('%') === right.includes('%')) return false
  const [percent, other] = left.includes('%') ? [a, b] : [b, a]
  return percent.kind === 'number' && other.kind === 'number' && percent.value === hundredfold(other.value)
}

function hundredfold(value: string): string | null {
  const ratio = ratioOf(value)
  return ratio && normalForm({ ...ratio, numerator: ratio.numerator * 100n })
}

async function equal(left: MathAnswer, right: MathAnswer): Promise<boolean> {
  const [a, b] = [asTuple(left), asTuple(right)]
  if (a.kind === 'tuple' && b.kind === 'tuple') {
    return a.open === b.open && a.close === b.close && allEqual(a.items, b.items)
  }
  if (a.kind === 'matrix' && b.kind === 'matrix') {
    return a.rows.length === b.rows.length && sameShape(a.rows, b.rows) && allEqual(a.rows.flat(), b.rows.flat())
  }
  if (a.kind === 'set' && b.kind === 'set') return sameItems(a.items, b.items)
  if (a.kind === 'text' || b.kind === 'text') return textOf(a) !== '' && textOf(a) === textOf(b)
  if (a.kind === 'equation' && b.kind === 'equation') return equalEquations(a, b)
  const isValue = ({ kind }: MathAnswer): boolean => kind === 'number' || kind === 'expression'
  return isValue(a) && isValue(b) && equalValues(a, b)
}

/** A column is a point: `\begin{pmatrix}1\\2\end{pmatrix}` and (1, 2). */
function asTuple(answer: MathAnswer): MathAnswer {
  if (answer.kind !== 'matrix' || answer.rows.length < 2 || answer.rows.some((row) => row.length !== 1)) return answer
  return { kind: 'tuple', open: '(', close: ')', items: answer.rows.flat() }
}

function sameShape(a: readonly (readonly unknown[])[], b: readonly (readonly unknown[])[]): boolean {
  return a.every((row, i) => row.length === b[i]!.length)
}

async function allEqual(a: readonly MathAnswer[], b: readonly MathAnswer[]): Promise<boolean> {
  if (a.length !== b.length || a.length > MAX_ITEMS) return false
  for (const [i, item] of a.entries()) if (!(await equal(item, b[i]!))) return false
  return true
}

async function sameItems(a: readonly MathAnswer[], b: readonly MathAnswer[]): Promise<boolean> {
  if (a.length !== b.length || a.length > MAX_ITEMS) return false
  const rest = [...b]
  for (const item of a) {
    let found = -1
    for (let i = 0; i < rest.length && found < 0; i++) if (await equal(item, rest[i]!)) found = i
    if (found < 0) return false
    rest.splice(found, 1)
  }
  return true
}

/** The letters of words, or of an expression that is nothing but letters: the choice B is also the variable B. */
function textOf(answer: MathAnswer): string {
  if (answer.kind === 'text') return answer.value
  return answer.kind === 'expression' && /^[A-Za-z]+$/.test(answer.latex) ? answer.latex : ''
}

async function equalValues(a: MathAnswer, b: MathAnswer): Promise<boolean> {
  const [left, right] = [latexOf(a), latexOf(b)]
  if (left === right) return true
  if (a.kind === 'number' && b.kind === 'number') return isRounded(a.value, b.value) || isRounded(b.value, a.value)
  // Digits in another base, such as 204_5, are not to be converted, and infinity is no number.
  if (/^\d+_|^-?\\infty$/.test(left) || /^\d+_|^-?\\infty$/.test(right)) return false
  const places = Math.max(placesOf(a), placesOf(b))
  const tolerance = places >= MIN_PLACES_OF_ROUNDING ? 0.5 * 10 ** -Math.min(places, 9) : 1e-9
  return compareExpressions({ left, right, relation: 'value', tolerance })
}

function latexOf(answer: MathAnswer): string {
  if (answer.kind === 'number') return answer.value.replace(/(\d+)\/(\d+)/, '\\frac{$1}{$2}')
  return answer.kind === 'expression' ? answer.latex : ''
}

/** The places behind the point of a decimal. */
function placesOf(answer: MathAnswer): number {
  const text = answer.kind === 'number' ? answer.value : ''
  return text.includes('.') ? text.length - text.indexOf('.') - 1 : 0
}

/** Whether a decimal is the rounding of a fraction that does not end. */
function isRounded(decimal: string, fraction: string): boolean {
  if (!fraction.includes('/') || decimal.includes('/')) return false
  const places = placesOf({ kind: 'number', value: decimal })
  const [x, y] = [ratioOf(decimal.replace('-', '')), ratioOf(fraction.replace('-', ''))]
  if (places < MIN_PLACES_OF_ROUNDING || x === null || y === null) return false
  if (decimal.startsWith('-') !== fraction.startsWith('-')) return false
  const difference = x.numerator * y.denominator - y.numerator * x.denominator
  const magnitude = difference < 0n ? -difference : difference
  return 2n * magnitude * 10n ** BigInt(places) <= x.denominator * y.denominator
}

type Equation = Extract<MathAnswer, { kind: 'equation' }>

/** Equations are the same when their sides, brought to one side, are multiples of each other. */
async function equalEquations(a: Equation, b: Equation): Promise<boolean> {
  const compact = ({ left, right }: Equation): string => `${left}=${right}`.replace(/ /g, '')
  if (compact(a) === compact(b)) return true
  const difference = ({ left, right }: Equation): string => `(${left})-(${right})`
  return compareExpressions({
    ...{ left: difference(a), right: difference(b) },
    relation: 'proportional',
    tolerance: 1e-9,
  })
}
