import { apply, integerOf, numberOf, variablesOf } from '../formula/formula.js'
import type { Formula, NumberFormula } from '../formula/formula.js'
import { printFormula } from '../formula/printFormula.js'
import { isRounding, sameValue } from '../formula/sameValue.js'
import { isSameQuantity, withoutUnitLetters } from '../formula/units.js'
import { divide } from '../numbers/fraction.js'
import type { Budget } from '../formula/value.js'
import { infinityOf, valueOf } from './answer.js'
import type { Answer, Equation } from './answer.js'
import { differenceOf } from './relations.js'

/** Longer lists, points and matrices are not compared. */
const MAX_ITEMS = 100
/** A decimal with so many places and digits stands for an exact value that it is the rounding of: `0.333333` for 1/3, not `0.333`. */
const MIN_PLACES_OF_ROUNDING = 6

type Of<Kind extends Answer['kind']> = Extract<Answer, { kind: Kind }>

/** Whether two answers claim the same; false as well if the budget is spent before that is known. */
export function equalAnswers(a: Answer, b: Answer, budget: Budget): boolean {
  if (budget.work < 0) return false
  if (a.kind === 'choice' || b.kind === 'choice')
    return a.kind === 'choice' ? equalChoices(a, b, budget) : equalAnswers(b, a, budget)
  if (a.kind === 'named' || b.kind === 'named')
    return a.kind === 'named' ? equalNamed(a, b, budget) : equalAnswers(b, a, budget)
  if (a.kind === 'chain' || b.kind === 'chain')
    return a.kind === 'chain' ? equalChain(a, b, budget) : equalAnswers(b, a, budget)
  if (a.kind === 'set' || b.kind === 'set')
    return a.kind === 'set' ? equalSet(a.items, b, budget) : equalAnswers(b, a, budget)
  if (a.kind === 'text' || b.kind === 'text')
    return a.kind === 'text' ? equalText(a.text, b) : equalAnswers(b, a, budget)
  if (a.kind === 'equation' || b.kind === 'equation')
    return a.kind === 'equation' && b.kind === 'equation' && equalEquations(a, b, budget)
  if (a.kind === 'ratio' || b.kind === 'ratio')
    return a.kind === 'ratio' ? equalRatios(a.items, b, budget) : equalAnswers(b, a, budget)
  const [left, right] = [asTuple(a, b), asTuple(b, a)]
  if (left.kind === 'tuple' && right.kind === 'tuple')
    return left.open === right.open && left.close === right.close && allEqual(left.items, right.items, budget)
  return equalAlike(a, b, budget)
}

/** Two answers of one kind. */
function equalAlike(a: Answer, b: Answer, budget: Budget): boolean {
  if (a.kind === 'value' && b.kind === 'value') return equalValues(a, b, budget)
  if (a.kind === 'matrix' && b.kind === 'matrix')
    return a.rows.length === b.rows.length && a.rows.every((row, i) => allEqual(row, b.rows[i]!, budget))
  if (a.kind === 'sequence' && b.kind === 'sequence') return allEqual(a.items, b.items, budget)
  if (a.kind === 'realsWithout' && b.kind === 'realsWithout') return sameItems(a.points, b.points, budget)
  if (a.kind === 'inequality' && b.kind === 'inequality') {
    const [left, right] = [differenceOf(a.greater, a.less), differenceOf(b.greater, b.less)]
    return a.isStrict === b.isStrict && sameValue(left, right, { comparison: 'positively proportional', budget })
  }
  if (a.kind === 'time' && b.kind === 'time')
    return a.minutes === b.minutes && (a.half === b.half || a.half === '' || b.half === '')
  return a.kind === 'opaque' && b.kind === 'opaque' && a.text === b.text
}

/** A letter of several choices, or what it stands for. */
function equalChoices(choice: Of<'choice'>, other: Answer, budget: Budget): boolean {
  // A right letter with another value beside it is two answers.
  if (other.kind === 'choice') {
    const areValues = choice.is.kind === 'value' && other.is.kind === 'value'
    return choice.letter === other.letter && (!areValues || equalAnswers(choice.is, other.is, budget))
  }
  return equalText(choice.letter, other) || equalAnswers(choice.is, other, budget)
}

/** `x = 5`: 5, and not `y = 5`. */
function equalNamed(named: Of<'named'>, other: Answer, budget: Budget): boolean {
  if (other.kind === 'equation') return named.equation !== null && equalEquations(named.equation, other, budget)
  if (other.kind !== 'named') return equalAnswers(named.is, other, budget)
  if (isSameName(named.name, other.name) && equalAnswers(named.is, other.is, budget)) return true
  return named.equation !== null && other.equation !== null && equalEquations(named.equation, other.equation, budget)
}

/** Words such as `Area` are no variable's name, and the value of a function may be called y. */
function isSameName(a: string, b: string): boolean {
  const isLabel = (name: string): boolean => /^[a-z ]{2,}$/.test(name)
  const isFunctionOfX = (one: string, two: string): boolean => one === 'y' && /^[fghF]/.test(two)
  return a === b || isLabel(a) || isLabel(b) || isFunctionOfX(a, b) || isFunctionOfX(b, a)
}

/** Equations are the same when their sides, brought to one side, are multiples of each other. */
function equalEquations(a: Equation, b: Equation, budget: Budget): boolean {
  if (printFormula(a.left) === printFormula(b.left) && printFormula(a.right) === printFormula(b.right)) return true
  const [left, right] = [differenceOf(a.left, a.right), differenceOf(b.left, b.right)]
  return sameValue(left, right, { comparison: 'proportional', budget })
}

/** Several ways to write a value count as it if they agree with each other. */
function equalChain({ items, isRounded }: Of<'chain'>, other: Answer, budget: Budget): boolean {
  const agree = items.slice(1).every((item, i) => {
    const previous = items[i]!
    return equalAnswers(previous, item, budget) || (isRounded[i]! && isAbout(previous, item, budget))
  })
  return agree && items.some((item) => equalAnswers(item, other, budget))
}

/** Whether one is the other, rounded to its places. */
function isAbout(a: Answer, b: Answer, budget: Budget): boolean {
  if (a.kind !== 'value' || b.kind !== 'value') return false
  const [left, right] = [decimalOf(a.formula), decimalOf(b.formula)]
  return (
    (right !== null && isRounding(right, a.formula, budget)) || (left !== null && isRounding(left, b.formula, budget))
  )
}

function equalSet(items: readonly Answer[], other: Answer, budget: Budget): boolean {
  const record = inOrderOfNames(items)
  if (other.kind === 'set') {
    const isNamed = (list: readonly Answer[]): boolean => list.every(({ kind }) => kind === 'named')
    if (record !== null && !isNamed(other.items)) return allEqual(record, other.items, budget)
    const otherRecord = isNamed(items) ? null : inOrderOfNames(other.items)
    return otherRecord === null ? sameItems(items, other.items, budget) : allEqual(items, otherRecord, budget)
  }
  if (other.kind === 'tuple' && record !== null) return allEqual(record, other.items, budget)
  if (other.kind === 'realsWithout') return isRealsWithout(items, other.points, budget)
  if (other.kind === 'text')
    return items.length === 0 && /^(?:no (?:real )?solutions?|none|(?:the )?empty set)$/.test(other.text)
  // `1,234` may be a list.
  const groups = other.kind === 'value' && other.formula.kind === 'number' ? (other.formula.groups ?? []) : []
  if (
    groups.length > 1 &&
    allEqual(
      items,
      groups.map((group) => valueOf(integerOf(BigInt(group)))),
      budget,
    )
  )
    return true
  return items.length > 0 && items.length <= MAX_ITEMS && items.every((item) => equalAnswers(item, other, budget))
}

/** The values of `b = 4, a = 3` in the order of their names; null if not all have names, or two the same. */
function inOrderOfNames(items: readonly Answer[]): Answer[] | null {
  const named = items.flatMap((item) => (item.kind === 'named' ? [item] : []))
  const isRecord = items.length > 1 && new Set(named.map(({ name }) => name)).size === items.length
  return isRecord ? named.toSorted((a, b) => (a.name < b.name ? -1 : 1)).map(({ is }) => is) : null
}

/** Whether a union of open intervals leaves out nothing but some points. */
function isRealsWithout(intervals: readonly Answer[], points: readonly Answer[], budget: Budget): boolean {
  const open = intervals.flatMap((item) =>
    item.kind === 'tuple' && item.open === '(' && item.close === ')' ? [item.items] : [],
  )
  if (open.length < intervals.length || open.length !== points.length + 1) return false
  const isFinite = (bound: Answer): boolean => bound.kind !== 'value' || infinityOf(bound.formula) === null
  const [lower, upper] = [open.map(([low]) => low!).filter(isFinite), open.map(([, high]) => high!).filter(isFinite)]
  return sameItems(lower, points, budget) && sameItems(upper, points, budget)
}

function equalText(text: string, other: Answer): boolean {
  if (other.kind === 'text') return text === other.text
  if (other.kind === 'value')
    return text.toLowerCase() === lettersOf(other.formula)?.toLowerCase() && isSameCase(text, other.formula)
  if (other.kind !== 'tuple' || !/^(?:all )?(?:the )?real(?: number)?s$/.test(text)) return false
  return (
    other.items.length === 2 && other.items.every((item) => item.kind === 'value' && infinityOf(item.formula) !== null)
  )
}

/** Of single letters capitals count. */
function isSameCase(text: string, formula: Formula): boolean {
  return text.length > 1 || formula.kind !== 'name' || formula.name === text
}

/** The letters of an expression that is nothing but letters: the choice B is also the variable B. */
function lettersOf(formula: Formula): string | null {
  if (formula.kind === 'name' || formula.kind === 'constant')
    return /^[A-Za-z]$/.test(formula.name) ? formula.name : null
  if (formula.kind !== 'apply' || formula.operator !== 'multiply') return null
  const [left, right] = formula.operands.map(lettersOf)
  return left && right ? left + right : null
}

/** A column is a point: `\begin{pmatrix}1\\2\end{pmatrix}` and (1, 2). A row may be one, but is no column. */
function asTuple(answer: Answer, other: Answer): Answer {
  if (answer.kind !== 'matrix') return answer
  const isColumn = answer.rows.length > 1 && answer.rows.every((row) => row.length === 1)
  if (!isColumn && (answer.rows.length > 1 || other.kind !== 'tuple')) return answer
  return { kind: 'tuple', open: '(', close: ')', items: answer.rows.flat() }
}

function allEqual(a: readonly Answer[], b: readonly Answer[], budget: Budget): boolean {
  return a.length === b.length && a.length <= MAX_ITEMS && a.every((item, i) => equalAnswers(item, b[i]!, budget))
}

function sameItems(a: readonly Answer[], b: readonly Answer[], budget: Budget): boolean {
  if (a.length !== b.length || a.length > MAX_ITEMS) return false
  const rest = [...b]
  return a.every((item) => {
    const found = rest.findIndex((one) => equalAnswers(item, one, budget))
    if (found >= 0) rest.splice(found, 1)
    return found >= 0
  })
}

/** `3 : 4` is 6 : 8 and 3/4. */
function equalRatios(items: readonly Answer[], other: Answer, budget: Budget): boolean {
  const terms = termsOf(items)
  if (other.kind === 'value') {
    const [above, below] = terms ?? []
    return terms?.length === 2 && sameValue(apply('divide', above!, below!), other.formula, { budget })
  }
  if (other.kind !== 'ratio' || other.items.length !== items.length) return false
  if (allEqual(items, other.items, budget)) return true
  const others = termsOf(other.items)
  if (terms === null || others === null) return false
  const [first, ...rest] = terms
  return rest.every((term, i) =>
    sameValue(apply('divide', term, first!), apply('divide', others[i + 1]!, others[0]!), { budget }),
  )
}

function termsOf(items: readonly Answer[]): Formula[] | null {
  const terms = items.flatMap((item) => (item.kind === 'value' ? [item.formula] : []))
  return terms.length === items.length ? terms : null
}

function equalValues(a: Of<'value'>, b: Of<'value'>, budget: Budget): boolean {
  let left = a.formula
  const right = b.formula
  if (a.unit !== null && b.unit !== null) {
    if (!isSameQuantity(a.unit, b.unit)) return false
    const ratio = divide(a.unit.factor, b.unit.factor)!
    if (ratio.numerator !== ratio.denominator) left = apply('multiply', left, numberOf(ratio))
  }
  if (infinityOf(left) !== null || infinityOf(right) !== null) return infinityOf(left) === infinityOf(right)
  if (sameValue(left, right, { budget }) || printFormula(left) === printFormula(right)) return true
  if (isRoundingOf(left, right, budget) || isRoundingOf(right, left, budget)) return true
  const [inLeft, inRight] = [variablesOf(left).size, variablesOf(right).size]
  if ((inLeft === 0) === (inRight === 0)) return false
  return sameValue(inLeft > 0 ? withoutUnitLetters(left) : left, inRight > 0 ? withoutUnitLetters(right) : right, {
    budget,
  })
}

function isRoundingOf(formula: Formula, value: Formula, budget: Budget): boolean {
  const decimal = decimalOf(formula)
  if (decimal === null || decimal.places < MIN_PLACES_OF_ROUNDING || decimal.places > 100) return false
  const digits = decimal.value.numerator * 10n ** BigInt(decimal.places)
  const isPrecise = String(digits / decimal.value.denominator).replace('-', '').length >= MIN_PLACES_OF_ROUNDING
  return isPrecise && isRounding(decimal, value, budget)
}

/** A decimal with its sign; null for anything else. */
function decimalOf(formula: Formula): NumberFormula | null {
  if (formula.kind === 'number') return formula
  const negated = formula.kind === 'apply' && formula.operator === 'negate' ? formula.operands[0]! : null
  if (negated?.kind !== 'number') return null
  const { numerator, denominator } = negated.value
  return { ...negated, value: { numerator: -numerator, denominator } }
}
