import { apply, hasPart, variablesOf } from '../formula/formula.js'
import type { Formula } from '../formula/formula.js'
import { printFormula } from '../formula/printFormula.js'
import { intervalOf } from './answer.js'
import type { Answer, Bound, Equation } from './answer.js'

type Relation = Extract<Formula, { kind: 'relation' }>
type AnswerOf = (formula: Formula) => Answer

/** What an equation, an inequality or a membership claims. */
export function answerOfRelation(relation: Relation, answerOf: AnswerOf): Answer {
  const { operators } = relation
  if (operators.every((operator) => operator === '=' || operator === 'approx' || operator === 'equiv'))
    return answerOfEquality(relation, answerOf)
  if (operators.every(isOrder)) return answerOfInequality(relation, answerOf)
  const [left, right] = relation.operands
  const name = nameOf(left!)
  if (operators.length === 1 && name !== null) {
    if (operators[0] === 'in') return { kind: 'named', name, is: answerOf(right!), equation: null }
    if (operators[0] === 'ne') return { kind: 'realsWithout', points: [answerOf(right!)] }
  }
  return { kind: 'opaque', text: printFormula(relation) }
}

function answerOfEquality({ operands, operators }: Relation, answerOf: AnswerOf): Answer {
  const [left, right] = operands
  const isRounded = operators.map((operator) => operator === 'approx')
  const chainOf = (from: number): Answer => {
    const items = operands.slice(from).map(answerOf)
    return items.length === 1 ? items[0]! : { kind: 'chain', items, isRounded: isRounded.slice(from) }
  }
  const name = nameOf(left!)
  const equation: Equation | null = operands.length === 2 ? { kind: 'equation', left: left!, right: right! } : null
  if (name !== null && !operands.slice(1).some((operand) => mentions(operand, left!)))
    return { kind: 'named', name, is: chainOf(1), equation }
  const lastName = nameOf(operands.at(-1)!)
  if (equation !== null && lastName !== null && !mentions(left!, right!))
    return { kind: 'named', name: lastName, is: answerOf(left!), equation }
  if (equation === null || operands.every((operand) => variablesOf(operand).size === 0)) return chainOf(0)
  return equation
}

/** The name that a formula is: `x`, `f(x)`, `P(x)`, `Area`, `(x, y)`; null for anything else. */
function nameOf(formula: Formula): string | null {
  if (formula.kind === 'name') return formula.name
  if (formula.kind === 'text') return formula.text
  if (formula.kind === 'call') return formula.name
  if (formula.kind === 'tuple') {
    const names = formula.items.map(nameOf)
    return names.includes(null) ? null : `(${names.join()})`
  }
  if (formula.kind !== 'apply') return null
  // |AB|
  if (formula.operator === 'abs') return nameOf(formula.operands[0]!)
  const [left, right] = formula.operator === 'multiply' ? formula.operands : []
  const [first, second] = [left && nameOf(left), right && nameOf(right)]
  // The product that P(x) is read as, and that of AB and m∠A.
  if (left?.kind === 'name' && /^[A-Zhpq]/.test(left.name) && /^[a-z]$/.test(second ?? '')) return left.name
  return first && second && /^[A-Z]+$|^\\angle/.test(second) && /^[A-Zm]+$/.test(first) ? first + second : null
}

/** Whether a formula holds the variables of a name, but for the arguments of a function. */
function mentions(formula: Formula, name: Formula): boolean {
  const own = name.kind === 'tuple' ? name.items : name.kind === 'apply' ? name.operands.slice(0, 1) : [name]
  return own.some(
    (one) =>
      (one.kind === 'name' && variablesOf(formula).has(one.name)) ||
      (one.kind === 'call' && hasPart(formula, (part) => part.kind === 'call' && part.name === one.name)),
  )
}

function isOrder(operator: string): boolean {
  return ['<', '>', 'le', 'ge'].includes(operator)
}

/** `x > 3` is (3, ∞), `-2 \le x < 7` is [-2, 7). */
function answerOfInequality({ operators, operands }: Relation, answerOf: AnswerOf): Answer {
  const isLess = (operator: string): boolean => operator === '<' || operator === 'le'
  const isIncluded = (operator: string): boolean => operator === 'le' || operator === 'ge'
  // From the smallest to the largest.
  const isRising = isLess(operators[0]!)
  if (operators.some((operator) => isLess(operator) !== isRising) || operators.length > 2)
    return { kind: 'opaque', text: printFormula({ kind: 'relation', operators, operands }) }
  const [low, middle, high] = isRising ? operands : operands.toReversed()
  const [first, second] = isRising ? operators : operators.toReversed()
  const bound = (formula: Formula, operator: string): Bound => ({
    at: answerOf(formula),
    isIncluded: isIncluded(operator),
  })
  if (second !== undefined) {
    if (nameOf(middle!) !== null) return intervalOf(bound(low!, first!), bound(high!, second))
    return { kind: 'opaque', text: printFormula({ kind: 'relation', operators, operands }) }
  }
  const isAlone = (formula: Formula, other: Formula): boolean =>
    formula.kind === 'name' && !mentions(other, formula) && variablesOf(other).size === 0
  if (isAlone(low!, middle!)) return intervalOf(null, bound(middle!, first!))
  if (isAlone(middle!, low!)) return intervalOf(bound(low!, first!), null)
  return { kind: 'inequality', isStrict: !isIncluded(first!), less: low!, greater: middle! }
}

/** What is 0 where an equation holds. */
export function differenceOf(left: Formula, right: Formula): Formula {
  return apply('add', left, apply('negate', right))
}
