import { isEqual, keyOf, possibleKey } from './compare.js'
import { braceFormat } from './format.js'
import type { Meter } from './limits.js'
import { stringMethodNames, stringMethods } from './stringMethods.js'
import { charactersOf, joinTexts } from './strings.js'
import {
  Callable,
  Float,
  Loop,
  Namespace,
  TemplateError,
  Tuple,
  Undefined,
  listItems,
  refuseUndefined,
  typeName,
} from './values.js'
import type { Dict, Value } from './values.js'

/** `object.name`: a method or attribute of its type, else the entry of a dictionary. */
export function attributeOf(object: Value, name: string, meter: Meter): Value {
  refuseUndefined(object)
  const own = ownAttribute(object, name, meter)
  if (own !== undefined) return own
  const entry = object instanceof Map ? (object as Dict).get(name) : undefined
  return entry === undefined ? new Undefined(`${describe(object)} has no attribute '${name}'`) : entry
}

/** `object[key]`: an entry of a dictionary, an item, else an attribute. */
export function itemAt(object: Value, key: Value, meter: Meter): Value {
  refuseUndefined(object)
  if (object instanceof Map) {
    const own = possibleKey(key)
    const entry = own === undefined ? undefined : (object as Dict).get(own)
    if (entry !== undefined) return entry
  }
  const index = typeof key === 'boolean' ? Number(key) : key
  if (typeof index === 'number' && !(object instanceof Map)) {
    const items = typeof object === 'string' ? characters(object, meter) : listItems(object)
    const item = items?.at(index)
    if (item !== undefined) return item
    return new Undefined(`${describe(object)} has no element ${index}`)
  }
  const own = typeof key === 'string' ? ownAttribute(object, key, meter) : undefined
  if (own !== undefined) return own
  return new Undefined(`${describe(object)} has no element ${typeof key === 'string' ? `'${key}'` : typeName(key)}`)
}

/** `object[start:stop:step]` of a text, list or tuple. */
export function slice(object: Value, start: Value, stop: Value, step: Value, meter: Meter): Value {
  refuseUndefined(object)
  const items = typeof object === 'string' ? characters(object, meter) : listItems(object)
  if (items === null) throw new TemplateError(`'${typeName(object)}' object is not subscriptable`)
  const by = bound(step) ?? 1
  if (by === 0) throw new TemplateError('slice step cannot be zero')
  const [first, last] = by > 0 ? [0, items.length] : [items.length - 1, -1]
  const place = (value: number | null, otherwise: number): number => {
    if (value === null) return otherwise
    const at = value < 0 ? value + items.length : value
    return Math.min(Math.max(at, by > 0 ? 0 : -1), by > 0 ? items.length : items.length - 1)
  }
  const [from, to] = [place(bound(start), first), place(bound(stop), last)]
  const taken: Value[] = []
  for (let i = from; by > 0 ? i < to : i > to; i += by) taken.push(items[i]!)
  meter.charge(taken.length)
  if (typeof object === 'string') return joinTexts(taken as string[], '', meter)
  return object instanceof Tuple ? new Tuple(taken) : taken
}

function bound(value: Value): number | null {
  if (value === null || typeof value === 'number') return value
  if (typeof value === 'boolean') return Number(value)
  throw new TemplateError('slice indices must be integers or None')
}

function characters(text: string, meter: Meter): readonly string[] {
  meter.charge(text.length)
  return charactersOf(text)
}

function describe(object: Value): string {
  return object === null ? "'None'" : `'${typeName(object)} object'`
}

/** Methods and attributes of a type; undefined where it has none of this name. */
function ownAttribute(object: Value, name: string, meter: Meter): Value | undefined {
  if (typeof object === 'string') return stringMethod(object, name, meter)
  if (object instanceof Map) return dictMethod(object as Dict, name, meter)
  if (object instanceof Namespace) return object.attributes.get(name)
  if (object instanceof Loop) return loopAttribute(object, name, meter)
  const items = listItems(object)
  return items === null ? undefined : listMethod(items, name, meter)
}

function stringMethod(text: string, name: string, meter: Meter): Callable | undefined {
  if (name === 'format') return new Callable((args, named) => braceFormat(text, args, named, meter))
  const method = stringMethods.get(name)
  if (method === undefined) return undefined
  const names = stringMethodNames.get(name)
  return new Callable((args, named) => {
    meter.chargeText(text.length)
    return method(text, withNamed(name, args, named, names), meter)
  })
}

/** Positional arguments with those that were given by name in their places; None in the places between. */
function withNamed(
  method: string,
  args: readonly Value[],
  named: ReadonlyMap<string, Value>,
  names: readonly string[] | undefined,
): readonly Value[] {
  if (named.size === 0) return args
  const all: (Value | undefined)[] = [...args]
  for (const [name, value] of named) {
    const at = names?.indexOf(name) ?? -1
    if (at < 0) throw new TemplateError(`${method}() got an unexpected keyword argument '${name}'`)
    all[at] = value
  }
  return Array.from(all, (value) => value ?? null)
}

/** The methods that read; those that change a dictionary are not for templates. */
function dictMethod(dict: Dict, name: string, meter: Meter): Callable | undefined {
  switch (name) {
    case 'get':
      return new Callable(([key = null, otherwise = null]) => dict.get(keyOf(key)) ?? otherwise)
    case 'items':
      return new Callable(() => entriesOf(dict, meter))
    case 'keys':
      return new Callable(() => charged([...dict.keys()], meter))
    case 'values':
      return new Callable(() => charged([...dict.values()], meter))
    case 'copy':
      return new Callable(() => dict)
  }
  return undefined
}

/** The pairs of a dictionary. */
export function entriesOf(dict: Dict, meter: Meter): Value[] {
  meter.charge(2 * dict.size)
  return [...dict].map((entry) => new Tuple(entry))
}

function charged(items: Value[], meter: Meter): Value[] {
  meter.charge(items.length)
  return items
}

function listMethod(items: readonly Value[], name: string, meter: Meter): Callable | undefined {
  switch (name) {
    case 'count':
      return new Callable(([item = null]) => items.filter((other) => isEqual(item, other, meter)).length)
    case 'index':
      return new Callable(([item = null]) => {
        const at = items.findIndex((other) => isEqual(item, other, meter))
        if (at < 0) throw new TemplateError('the value is not in the list')
        return at
      })
    case 'copy':
      return new Callable(() => items)
  }
  return undefined
}

function loopAttribute(loop: Loop, name: string, meter: Meter): Value | undefined {
  const { index0, items, depth } = loop
  switch (name) {
    case 'index':
      return index0 + 1
    case 'index0':
      return index0
    case 'revindex':
      return items.length - index0
    case 'revindex0':
      return items.length - index0 - 1
    case 'first':
      return index0 === 0
    case 'last':
      return index0 === items.length - 1
    case 'length':
      return items.length
    case 'depth':
      return depth
    case 'depth0':
      return depth - 1
    case 'previtem':
      return index0 > 0 ? items[index0 - 1]! : new Undefined('there is no previous item')
    case 'nextitem':
      return index0 + 1 < items.length ? items[index0 + 1]! : new Undefined('there is no next item')
    case 'cycle':
      return new Callable((args) => {
        if (args.length === 0) throw new TemplateError('no items for cycling given')
        return args[index0 % args.length]!
      })
    case 'changed':
      return new Callable((args) => {
        const isSame = loop.last !== null && isEqual(loop.last, args, meter)
        loop.last = args
        return !isSame
      })
  }
  return undefined
}

/** `name.path.0` inside a value, as the filters take attributes. */
export function attributeAtPath(value: Value, path: Value, meter: Meter): Value {
  if (typeof path === 'number') return itemAt(value, path, meter)
  if (typeof path !== 'string') {
    if (path instanceof Float) return itemAt(value, path, meter)
    throw new TemplateError(`an attribute is named by a text or a whole number, not ${typeName(path)}`)
  }
  let inner = value
  for (const part of path.split('.')) inner = itemAt(inner, /^\d+$/.test(part) ? Number(part) : part, meter)
  return inner
}
