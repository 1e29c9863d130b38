import type { Meter } from './limits.js'
import { strftime } from './strftime.js'
import { toText } from './print.js'
import { Callable, Namespace, TemplateError, itemsOf, typeName } from './values.js'
import type { Dict, Value } from './values.js'

/** The functions that every template has: Jinja's, and those that transformers adds. */
export function globalFunctions(meter: Meter): ReadonlyMap<string, Value> {
  return new Map<string, Value>([
    ['range', new Callable((args) => range(args, meter))],
    ['dict', new Callable((args, named) => dict(args, named, meter))],
    [
      'namespace',
      new Callable((args, named) => {
        const made = new Namespace()
        for (const [key, value] of dict(args, named, meter) as Dict) made.attributes.set(toText(key, meter), value)
        return made
      }),
    ],
    [
      'raise_exception',
      new Callable(([message = '']) => {
        throw new TemplateError(toText(message, meter))
      }),
    ],
    ['strftime_now', new Callable(([format = '']) => strftime(new Date(), toText(format, meter)))],
  ])
}

function range(args: readonly Value[], meter: Meter): Value {
  const numbers = args.map((value) => {
    if (typeof value === 'number') return value
    throw new TemplateError(`'${typeName(value)}' object cannot be interpreted as an integer`)
  })
  if (numbers.length < 1 || numbers.length > 3) throw new TemplateError('range expected 1 to 3 arguments')
  const [start, stop, step = 1] = numbers.length === 1 ? [0, numbers[0]!] : [numbers[0]!, numbers[1]!, numbers[2]]
  if (step === 0) throw new TemplateError('range() arg 3 must not be zero')
  const length = Math.max(0, Math.ceil((stop - start) / step))
  meter.chargeRange(length)
  return Array.from({ length }, (_, i) => start + i * step)
}

function dict(args: readonly Value[], named: ReadonlyMap<string, Value>, meter: Meter): Value {
  const entries = new Map<Value, Value>()
  for (const [key, value] of args[0] instanceof Map ? (args[0] as Dict) : pairs(args[0])) entries.set(key, value)
  for (const [key, value] of named) entries.set(key, value)
  meter.charge(entries.size)
  return entries
}

function pairs(value: Value | undefined): [Value, Value][] {
  if (value === undefined) return []
  return itemsOf(value).map((pair) => {
    const [key, entry, ...rest] = itemsOf(pair)
    if (key !== undefined && entry !== undefined && rest.length === 0) return [key, entry]
    throw new TemplateError('dictionary update sequence needs pairs')
  })
}
