import { compare, contains, isEqual } from './compare.js'
import { percentFormat } from './format.js'
import type { Meter } from './limits.js'
import { toText } from './print.js'
import { Float, TemplateError, Tuple, asNumber, listItems, refuseUndefined, typeName, whole } from './values.js'
import type { Value } from './values.js'

/** The value of `left operator right`, for all operators but `and` and `or`, as Python has it. */
export function binary(operator: string, left: Value, right: Value, meter: Meter): Value {
  switch (operator) {
    case '==':
      return isEqual(left, right, meter)
    case '!=':
      return !isEqual(left, right, meter)
    case 'in':
      return contains(right, left, meter)
    case 'not in':
      return !contains(right, left, meter)
    case '<':
      return compare(left, right, operator, meter) < 0
    case '>':
      return compare(left, right, operator, meter) > 0
    case '<=':
      return compare(left, right, operator, meter) <= 0
    case '>=':
      return compare(left, right, operator, meter) >= 0
    case '~':
      return joined(toText(left, meter), toText(right, meter), meter)
  }
  refuseUndefined(left, right)
  if (operator === '+') return sum(left, right, meter)
  if (operator === '*') {
    const repeated = repetition(left, right, meter) ?? repetition(right, left, meter)
    if (repeated !== null) return repeated
  }
  if (operator === '%' && typeof left === 'string') return percentFormat(left, right, meter)
  return calculation(operator, left, right)
}

/** `-value` or `+value`. */
export function sign(operator: string, value: Value): Value {
  refuseUndefined(value)
  const number = asNumber(value)
  if (number === null) throw new TemplateError(`bad operand type for unary ${operator}: '${typeName(value)}'`)
  const result = operator === '-' ? -number : number
  return value instanceof Float ? new Float(result) : whole(result)
}

function joined(left: string, right: string, meter: Meter): string {
  meter.chargeText(left.length + right.length)
  return left + right
}

function sum(left: Value, right: Value, meter: Meter): Value {
  if (typeof left === 'string') {
    if (typeof right === 'string') return joined(left, right, meter)
    throw new TemplateError(`can only concatenate str (not "${typeName(right)}") to str`)
  }
  const [items, others] = [listItems(left), listItems(right)]
  if (items === null || others === null || left instanceof Tuple !== right instanceof Tuple) {
    return calculation('+', left, right)
  }
  meter.charge(items.length + others.length)
  const all = [...items, ...others]
  return left instanceof Tuple ? new Tuple(all) : all
}

/** A text or list that is repeated; null when these values are no such thing. */
function repetition(value: Value, times: Value, meter: Meter): Value | null {
  if (typeof times !== 'number' && typeof times !== 'boolean') return null
  const count = Math.max(0, Number(times))
  if (typeof value === 'string') {
    meter.chargeText(value.length * count)
    return value.repeat(count)
  }
  const items = listItems(value)
  if (items === null) return null
  meter.charge(items.length * count)
  const all = Array.from({ length: items.length === 0 ? 0 : count }, () => items).flat()
  return value instanceof Tuple ? new Tuple(all) : all
}

function calculation(operator: string, left: Value, right: Value): Value {
  const [a, b] = [asNumber(left), asNumber(right)]
  if (a === null || b === null) {
    const name = operator === '**' ? '** or pow()' : operator
    throw new TemplateError(`unsupported operand type(s) for ${name}: '${typeName(left)}' and '${typeName(right)}'`)
  }
  if (b === 0 && ['/', '//', '%'].includes(operator)) throw new TemplateError('division by zero')
  const isFloat = left instanceof Float || right instanceof Float || operator === '/' || (operator === '**' && b < 0)
  const result = calculated(operator, a, b)
  return isFloat ? new Float(result) : whole(result)
}

function calculated(operator: string, a: number, b: number): number {
  switch (operator) {
    case '+':
      return a + b
    case '-':
      return a - b
    case '*':
      return a * b
    case '/':
      return a / b
    case '//':
      // From the rest, as in Python: the quotient itself may be rounded up to the next whole number.
      return Math.round((a - rest(a, b)) / b) || (a / b < 0 ? -0 : 0)
    case '%':
      return rest(a, b)
    case '**': {
      if (a === 0 && b < 0) throw new TemplateError('0.0 cannot be raised to a negative power')
      if (a < 0 && !Number.isInteger(b)) throw new TemplateError('a root of a negative number is not real')
      return a ** b
    }
  }
  throw new TemplateError(`the operator ${operator} is not known`)
}

/** What a division leaves; its sign is the divisor's. */
function rest(a: number, b: number): number {
  const left = a % b
  if (left === 0) return b < 0 ? -0 : 0
  return left < 0 === b < 0 ? left : left + b
}
