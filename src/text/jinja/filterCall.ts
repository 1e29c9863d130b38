import type { Meter } from './limits.js'
import { toText } from './print.js'
import { TemplateError, typeName } from './values.js'
import type { Value } from './values.js'

/** What a filter is given besides the value. */
export interface FilterCall {
  readonly args: readonly Value[]
  readonly named: ReadonlyMap<string, Value>
  readonly meter: Meter
}

export type Filter = (value: Value, call: FilterCall) => Value

/** An argument by its place or its name. */
export function argument(call: FilterCall, at: number, name: string, otherwise: Value): Value {
  const given = at < call.args.length ? call.args[at] : call.named.get(name)
  return given === undefined ? otherwise : given
}

export function numberArgument(call: FilterCall, at: number, name: string, otherwise: number): number {
  const value = argument(call, at, name, otherwise)
  if (typeof value === 'number') return value
  throw new TemplateError(`${name} must be a whole number, not ${typeName(value)}`)
}

export function textArgument(call: FilterCall, at: number, name: string, otherwise: string): string {
  return toText(argument(call, at, name, otherwise), call.meter)
}

/** A filter of texts; other values are printed first. */
export function ofText(filter: (text: string, call: FilterCall) => Value): Filter {
  return (value, call) => {
    const text = toText(value, call.meter)
    call.meter.chargeText(text.length)
    return filter(text, call)
  }
}
