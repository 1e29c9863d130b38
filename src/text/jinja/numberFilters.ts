import { argument, numberArgument } from './filterCall.js'
import type { Filter, FilterCall } from './filterCall.js'
import { strip } from './strings.js'
import { Float, TemplateError, asNumber, refuseUndefined, typeName, whole } from './values.js'
import type { Value } from './values.js'

/** No two parts of it can take the same digits, or a long text would be tried in every way. */
const DECIMAL = /^[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:e[-+]?\d+)?$/i

function toWhole(value: Value, call: FilterCall): Value {
  const otherwise = argument(call, 0, 'default', 0)
  const number = asNumber(value)
  if (number !== null) return Number.isFinite(number) ? whole(Math.trunc(number)) : otherwise
  if (typeof value !== 'string') return otherwise
  const text = strip(value, null).replaceAll(/(?<=\d)_(?=\d)/g, '')
  const base = numberArgument(call, 1, 'base', 10)
  if (base !== 10) {
    const parsed = parseInt(text.replace(/^([-+]?)0[xob]/i, '$1'), base)
    return Number.isNaN(parsed) ? otherwise : whole(parsed)
  }
  if (!DECIMAL.test(text) || !Number.isFinite(Number(text))) return otherwise
  return whole(Math.trunc(Number(text)))
}

function toFloat(value: Value, call: FilterCall): Value {
  const number = asNumber(value)
  if (number !== null) return new Float(number)
  const text = typeof value === 'string' ? strip(value, null).replaceAll(/(?<=\d)_(?=\d)/g, '') : ''
  if (DECIMAL.test(text)) return new Float(Number(text))
  return argument(call, 0, 'default', new Float(0))
}

function round(value: Value, call: FilterCall): Value {
  const number = asNumber(value)
  if (number === null) throw new TemplateError(`type ${typeName(value)} doesn't define __round__ method`)
  const precision = numberArgument(call, 0, 'precision', 0)
  const factor = 10 ** precision
  const scaled = number * factor
  const method = argument(call, 1, 'method', 'common')
  if (method === 'ceil') return new Float(Math.ceil(scaled) / factor)
  if (method === 'floor') return new Float(Math.floor(scaled) / factor)
  // Python rounds to even, and looks at the exact value.
  const rounded = precision > 0 ? Number(number.toFixed(Math.min(precision, 100))) : roundToEven(scaled) / factor
  return value instanceof Float ? new Float(rounded) : rounded
}

function roundToEven(value: number): number {
  const floor = Math.floor(value)
  const rest = value - floor
  return rest < 0.5 || (rest === 0.5 && floor % 2 === 0) ? floor : floor + 1
}

function abs(value: Value): Value {
  refuseUndefined(value)
  const number = asNumber(value)
  if (number === null) throw new TemplateError(`bad operand type for abs(): '${typeName(value)}'`)
  return value instanceof Float ? new Float(Math.abs(number)) : Math.abs(number)
}

/** The filters that make numbers. */
export const numberFilters: readonly (readonly [string, Filter])[] = [
  ['abs', abs],
  ['float', toFloat],
  ['int', toWhole],
  ['round', round],
]
