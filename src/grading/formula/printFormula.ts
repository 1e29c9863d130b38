import { normalForm } from '../numbers/fraction.js'
import type { Formula } from './formula.js'

/** A formula as text in which only what is written alike is alike. */
export function printFormula(formula: Formula): string {
  const all = (formulas: readonly Formula[]): string => formulas.map(printFormula).join(', ')
  switch (formula.kind) {
    case 'number':
      return normalForm(formula.value)
    case 'name':
    case 'constant':
      return formula.name
    case 'apply':
      return `${formula.operator}(${all(formula.operands)})`
    case 'call':
      return `${formula.name}(${all(formula.operands)})`
    case 'text':
    case 'unit':
      return `"${formula.text}"`
    case 'based':
      return `${formula.digits}_${formula.base}`
    case 'tuple':
      return formula.open + all(formula.items) + formula.close
    case 'set':
      return `{${all(formula.items)}}`
    case 'list':
      return all(formula.items)
    case 'builder':
      return `{${printFormula(formula.element)} | ${printFormula(formula.condition)}}`
    case 'matrix':
      return `[${formula.rows.map(all).join('; ')}]`
    case 'ratio':
      return formula.items.map(printFormula).join(' : ')
    case 'relation':
      return formula.operands.map((operand, i) => `${printFormula(operand)} ${formula.operators[i] ?? ''}`).join(' ')
    case 'ellipsis':
      return '...'
  }
}
