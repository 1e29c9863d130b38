import { apply, hasPart, partsOf, withParts } from '../formula/formula.js'
import type { Formula } from '../formula/formula.js'
import { printFormula } from '../formula/printFormula.js'
import { withoutUnits } from '../formula/units.js'
import { infinityOf, intervalOf, setOf } from './answer.js'
import type { Answer } from './answer.js'
import { answerOfRelation } from './relations.js'

/** What a formula claims as an answer. */
export function answerOf(formula: Formula): Answer {
  switch (formula.kind) {
    case 'relation':
      return answerOfRelation(formula, answerOf)
    case 'list':
      return answerOfList(formula.items)
    case 'set':
      return answerOfItems(formula.items, formula.items.map(answerOf))
    case 'tuple':
      return { ...formula, items: formula.items.map(answerOf) }
    case 'matrix':
      return formula.isDeterminant
        ? opaque(formula)
        : { kind: 'matrix', rows: formula.rows.map((row) => row.map(answerOf)) }
    case 'ratio':
      return answerOfRatio(formula.items)
    case 'builder':
      return answerOfBuilder(formula)
    case 'text':
      return { kind: 'text', text: formula.text }
    case 'name':
      return formula.name === '\\mathbb R' ? intervalOf(null, null) : valueWithUnit(formula)
    case 'apply':
      return answerOfApplication(formula)
    case 'ellipsis':
    case 'based':
      return opaque(formula)
    default:
      return valueWithUnit(formula)
  }
}

function opaque(formula: Formula): Answer {
  return { kind: 'opaque', text: printFormula(formula) }
}

function valueWithUnit(formula: Formula): Answer {
  const { value, unit } = withoutUnits(formula)
  // `(3, 4) units`
  if (value !== formula && value.kind !== 'apply')
    return unit === null || partsOf(value).length > 0 ? answerOf(value) : { kind: 'value', formula: value, unit }
  return { kind: 'value', formula: value, unit }
}

function answerOfApplication(formula: Extract<Formula, { kind: 'apply' }>): Answer {
  const { operator, operands } = formula
  const [left, right] = operands
  if (operator === 'union') return setOf(operands.map(answerOf))
  if (operator === 'intersection') return opaque(formula)
  if (operator === 'difference') return differenceOf(formula, left!, right!)
  const subtracted =
    operator === 'add' && right?.kind === 'apply' && right.operator === 'negate' ? right.operands[0] : null
  if (subtracted?.kind === 'set') return differenceOf(formula, left!, subtracted)
  return hasPart(formula, isPlusMinus) ? setOf(variantsOf(formula).map(answerOf)) : valueWithUnit(formula)
}

function isPlusMinus(part: Formula): boolean {
  return part.kind === 'apply' && (part.operator === 'plusMinus' || part.operator === 'minusPlus')
}

/** The formula with + for every ± and − for every ∓, and the other way round. */
function variantsOf(formula: Formula): [Formula, Formula] {
  const withSign = (part: Formula, isUpper: boolean): Formula => {
    const parts = partsOf(part).map((one) => withSign(one, isUpper))
    if (parts.length === 0) return part
    if (part.kind !== 'apply' || !isPlusMinus(part)) return withParts(part, parts)
    const last = parts.at(-1)!
    const signed = (part.operator === 'plusMinus') === isUpper ? last : apply('negate', last)
    return parts.length === 1 ? signed : apply('add', parts[0]!, signed)
  }
  return [withSign(formula, true), withSign(formula, false)]
}

/** ℝ without some points. */
function differenceOf(formula: Formula, left: Formula, right: Formula): Answer {
  const [whole, without] = [answerOf(left), answerOf(right)]
  const isReals =
    whole.kind === 'tuple' && whole.items.every((item) => item.kind === 'value' && infinityOf(item.formula) !== null)
  if (!isReals) return opaque(formula)
  return { kind: 'realsWithout', points: without.kind === 'set' ? without.items : [without] }
}

/** Values that a comma, `and` or `or` parts. */
function answerOfList(items: readonly Formula[]): Answer {
  const answers = items.map(answerOf)
  if (items.some(({ kind }) => kind === 'ellipsis')) return { kind: 'sequence', items: answers }
  const [first, ...others] = answers
  // `x = 1, 2, 3` and `x \ne 1, 2`
  const areBare = others.every(({ kind }) => kind === 'value' || kind === 'tuple' || kind === 'set')
  if (first?.kind === 'named' && areBare) return { ...first, is: setOf([first.is, ...others]), equation: null }
  if (first?.kind === 'realsWithout' && areBare) return { ...first, points: [...first.points, ...others] }
  return answerOfItems(items, answers)
}

function answerOfItems(items: readonly Formula[], answers: readonly Answer[]): Answer {
  if (items.some(({ kind }) => kind === 'ellipsis')) return { kind: 'sequence', items: answers }
  const points = answers.flatMap((answer) => (answer.kind === 'realsWithout' ? answer.points : []))
  if (points.length > 0 && answers.every(({ kind }) => kind === 'realsWithout')) return { kind: 'realsWithout', points }
  const names = answers.flatMap((answer) => (answer.kind === 'named' ? [answer.name] : []))
  // `x = 1 or x = 2`
  const isOneName = names.length === answers.length && new Set(names).size === 1
  const values = answers.map((answer) => (answer.kind === 'named' ? answer.is : answer))
  if (isOneName) return { kind: 'named', name: names[0]!, is: setOf(values), equation: null }
  return setOf(answers)
}

/** `3 : 4`, or `Answer: 7` and `\text{Area}: 12`. */
function answerOfRatio(items: readonly Formula[]): Answer {
  const [first, second] = items
  if (items.length === 2 && first?.kind === 'text')
    return { kind: 'named', name: first.text, is: answerOf(second!), equation: null }
  return { kind: 'ratio', items: items.map(answerOf) }
}

/** A set by a condition is what fulfils it. */
function answerOfBuilder(formula: Extract<Formula, { kind: 'builder' }>): Answer {
  const { element, condition } = formula
  const variable = element.kind === 'relation' && element.operators[0] === 'in' ? element.operands[0] : element
  const region = variable?.kind === 'name' ? answerOf(condition) : null
  if (region?.kind === 'named') return region.is
  return region === null || !['tuple', 'set', 'realsWithout', 'value'].includes(region.kind) ? opaque(formula) : region
}
