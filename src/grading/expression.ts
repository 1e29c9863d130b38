import { evaluate } from './formula/evaluate.js'
import { partsOf } from './formula/formula.js'
import type { Formula } from './formula/formula.js'
import { parseFormula } from './formula/parseFormula.js'
import { comparisonBudget, roughly } from './formula/sameValue.js'
import { isInteger } from './numbers/fraction.js'
import type { Fraction } from './numbers/fraction.js'

/** What an arithmetic expression is worth, and the numbers that it is written with. */
export interface Evaluation {
  readonly value: Fraction
  readonly numbers: readonly number[]
}

const MAX_LENGTH = 200

/**
 * Works out whole numbers, + - * / and brackets exactly; `×`, `÷`, `−` and LaTeX are understood.
 *
 * Returns null for anything else, for a division by zero, and for more than 200 characters.
 */
export function evaluateExpression(text: string): Evaluation | null {
  const formula = text.length > MAX_LENGTH ? null : parseFormula(text.replaceAll('`', ''))
  const numbers = formula && numbersOf(formula)
  const value = numbers && evaluate(formula, new Map(), roughly(comparisonBudget()))?.exact
  return numbers && value ? { value, numbers } : null
}

/** The numbers of an expression from left to right; null if it is made of anything but numbers and the four operations. */
function numbersOf(formula: Formula): number[] | null {
  if (formula.kind === 'number') return isInteger(formula.value) ? [Number(formula.value.numerator)] : null
  if (formula.kind !== 'apply' || !['add', 'negate', 'multiply', 'divide'].includes(formula.operator)) return null
  const parts = partsOf(formula).map(numbersOf)
  return parts.some((part) => part === null) ? null : parts.flatMap((part) => part ?? [])
}
