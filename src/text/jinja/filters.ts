import { attributeAtPath, attributeOf } from './attributes.js'
import { argument, textArgument } from './filterCall.js'
import type { Filter, FilterCall } from './filterCall.js'
import { filteredItems, listFilters } from './listFilters.js'
import { numberFilters } from './numberFilters.js'
import { tests } from './tests.js'
import { textFilters } from './textFilters.js'
import { TemplateError, Undefined, isTrue, typeName } from './values.js'
import type { Value } from './values.js'

/** Applies a filter by its name. Throws for one that there is not. */
export function applyFilter(name: string, value: Value, call: FilterCall): Value {
  const filter = filters.get(name)
  if (filter === undefined) throw new TemplateError(`there is no filter named '${name}'`)
  return filter(value, call)
}

function otherwise(value: Value, call: FilterCall): Value {
  const isMissing = value instanceof Undefined || (isTrue(argument(call, 1, 'boolean', false)) && !isTrue(value))
  return isMissing ? argument(call, 0, 'default_value', '') : value
}

/** An attribute of each item, or each item filtered. */
function map(value: Value, call: FilterCall): Value {
  const items = filteredItems(value, call.meter)
  const path = call.named.get('attribute')
  if (path !== undefined) {
    const missing = call.named.get('default')
    return items.map((item) => {
      const own = attributeAtPath(item, path, call.meter)
      return own instanceof Undefined && missing !== undefined ? missing : own
    })
  }
  const [name, ...args] = call.args
  if (typeof name !== 'string') throw new TemplateError('map requires a filter argument')
  return items.map((item) => applyFilter(name, item, { ...call, args }))
}

/** The items, or those with an attribute, for which a test holds or does not. */
function select(isKept: boolean, hasAttribute: boolean): Filter {
  return (value, call) => {
    const [path, args] = hasAttribute ? [call.args[0] ?? null, call.args.slice(1)] : [null, call.args]
    const [name, ...testArgs] = args
    return filteredItems(value, call.meter).filter((item) => {
      const tested = path === null ? item : attributeAtPath(item, path, call.meter)
      return holds(name, tested, testArgs, call) === isKept
    })
  }
}

function holds(name: Value | undefined, value: Value, args: readonly Value[], { meter }: FilterCall): boolean {
  if (name === undefined) return isTrue(value)
  return test(name, value, args, meter)
}

/** Whether a value passes a test by its name. Throws for a test that there is not. */
export function test(name: Value, value: Value, args: readonly Value[], meter: FilterCall['meter']): boolean {
  if (typeof name !== 'string') throw new TemplateError(`a test is named by a text, not ${typeName(name)}`)
  const known = tests.get(name)
  if (known !== undefined) return known(value, args, meter)
  if (name === 'filter') return typeof value === 'string' && filters.has(value)
  if (name === 'test') return typeof value === 'string' && tests.has(value)
  throw new TemplateError(`there is no test named '${name}'`)
}

/** The filters of Jinja that templates of chats have a use for, by their names. */
const filters: ReadonlyMap<string, Filter> = new Map<string, Filter>([
  ['attr', (value, call) => attributeOf(value, textArgument(call, 0, 'name', ''), call.meter)],
  ['d', otherwise],
  ['default', otherwise],
  ['map', map],
  ['reject', select(false, false)],
  ['rejectattr', select(false, true)],
  ['select', select(true, false)],
  ['selectattr', select(true, true)],
  ...textFilters,
  ...numberFilters,
  ...listFilters,
])
