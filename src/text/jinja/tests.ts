import { compare, contains, isEqual } from './compare.js'
import { binary } from './operators.js'
import type { Meter } from './limits.js'
import { toText } from './print.js'
import { stringMethods } from './stringMethods.js'
import { Callable, Float, TemplateError, Undefined, asNumber, listItems } from './values.js'
import type { Value } from './values.js'

export type Test = (value: Value, args: readonly Value[], meter: Meter) => boolean

function isText(method: 'islower' | 'isupper'): Test {
  return (value, _args, meter) => stringMethods.get(method)!(toText(value, meter), [], meter) === true
}

function isMultiple(divisor: number, rest: number): Test {
  return (value, _args, meter) => isEqual(binary('%', value, divisor, meter), rest, meter)
}

function other(args: readonly Value[]): Value {
  const [value] = args
  if (value === undefined) throw new TemplateError('a test misses what to compare with')
  return value
}

const equal: Test = (value, args, meter) => isEqual(value, other(args), meter)
const unequal: Test = (value, args, meter) => !isEqual(value, other(args), meter)
const less: Test = (value, args, meter) => compare(value, other(args), '<', meter) < 0
const atMost: Test = (value, args, meter) => compare(value, other(args), '<=', meter) <= 0
const greater: Test = (value, args, meter) => compare(value, other(args), '>', meter) > 0
const atLeast: Test = (value, args, meter) => compare(value, other(args), '>=', meter) >= 0

function isIterable(value: Value): boolean {
  return typeof value === 'string' || value instanceof Map || value instanceof Undefined || listItems(value) !== null
}

/** Jinja's tests by their names, as after `is` and in `select`. */
export const tests: ReadonlyMap<string, Test> = new Map<string, Test>([
  ['boolean', (value) => typeof value === 'boolean'],
  ['callable', (value) => value instanceof Callable],
  ['defined', (value) => !(value instanceof Undefined)],
  ['divisibleby', (value, args, meter) => isEqual(binary('%', value, other(args), meter), 0, meter)],
  ['escaped', () => false],
  ['even', isMultiple(2, 0)],
  ['false', (value) => value === false],
  ['float', (value) => value instanceof Float],
  ['in', (value, args, meter) => contains(other(args), value, meter)],
  ['integer', (value) => typeof value === 'number'],
  ['iterable', isIterable],
  ['lower', isText('islower')],
  ['mapping', (value) => value instanceof Map],
  ['none', (value) => value === null],
  ['number', (value) => asNumber(value) !== null],
  ['odd', isMultiple(2, 1)],
  ['sameas', (value, args) => value === other(args)],
  ['sequence', isIterable],
  ['string', (value) => typeof value === 'string'],
  ['true', (value) => value === true],
  ['undefined', (value) => value instanceof Undefined],
  ['upper', isText('isupper')],
  ...(['eq', '==', 'equalto'] as const).map((name) => [name, equal] as const),
  ...(['ne', '!='] as const).map((name) => [name, unequal] as const),
  ...(['lt', '<', 'lessthan'] as const).map((name) => [name, less] as const),
  ...(['le', '<='] as const).map((name) => [name, atMost] as const),
  ...(['gt', '>', 'greaterthan'] as const).map((name) => [name, greater] as const),
  ...(['ge', '>='] as const).map((name) => [name, atLeast] as const),
])
