import type { Meter } from './limits.js'
import { Float, Namespace, TemplateError, Tuple, Undefined, asNumber, listItems, typeName } from './values.js'
import type { Dict, Value } from './values.js'

/** Python's `a == b`: texts, numbers and truth values by value, lists, tuples and dictionaries by what they hold. */
export function isEqual(a: Value, b: Value, meter: Meter): boolean {
  meter.charge(1)
  if (typeof a === 'string' || typeof b === 'string') {
    if (typeof a === 'string' && typeof b === 'string') meter.chargeText(Math.min(a.length, b.length))
    return a === b
  }
  const [x, y] = [asNumber(a), asNumber(b)]
  if (x !== null || y !== null) return x === y
  if (a instanceof Undefined || b instanceof Undefined) return a instanceof Undefined && b instanceof Undefined
  if (a instanceof Map && b instanceof Map) return haveSameEntries(a as Dict, b as Dict, meter)
  const [items, others] = [listItems(a), listItems(b)]
  if (items === null || others === null || a instanceof Tuple !== b instanceof Tuple) return a === b
  return items.length === others.length && items.every((item, i) => isEqual(item, others[i]!, meter))
}

function haveSameEntries(a: Dict, b: Dict, meter: Meter): boolean {
  if (a.size !== b.size) return false
  for (const [key, value] of a) {
    const other = b.get(key)
    if (other === undefined || !isEqual(value, other, meter)) return false
  }
  return true
}

/** Negative, 0 or positive as `a` is less than, equal to or greater than `b`. Throws for what Python does not compare. */
export function compare(a: Value, b: Value, operator: string, meter: Meter): number {
  meter.charge(1)
  if (typeof a === 'string' && typeof b === 'string') {
    meter.chargeText(Math.min(a.length, b.length))
    return compareTexts(a, b)
  }
  const [x, y] = [asNumber(a), asNumber(b)]
  if (x !== null && y !== null) return x < y ? -1 : x > y ? 1 : x === y ? 0 : NaN
  const [items, others] = [listItems(a), listItems(b)]
  if (items === null || others === null || a instanceof Tuple !== b instanceof Tuple) {
    if (a instanceof Undefined) throw new TemplateError(a.reason)
    if (b instanceof Undefined) throw new TemplateError(b.reason)
    throw new TemplateError(`'${operator}' not supported between instances of '${typeName(a)}' and '${typeName(b)}'`)
  }
  for (let i = 0; i < items.length && i < others.length; i++) {
    if (!isEqual(items[i]!, others[i]!, meter)) return compare(items[i]!, others[i]!, operator, meter)
  }
  return items.length - others.length
}

/** By code points: JavaScript compares halves of the characters beyond the first 65536. */
function compareTexts(a: string, b: string): number {
  if (a === b) return 0
  let i = 0
  while (i < a.length && i < b.length && a.charCodeAt(i) === b.charCodeAt(i)) i++
  // Where the second halves differ, the first ones stand before them.
  if (i > 0 && isHighSurrogate(a.charCodeAt(i - 1))) i--
  return (a.codePointAt(i) ?? -1) - (b.codePointAt(i) ?? -1)
}

function isHighSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit < 0xdc00
}

/** Python's `item in container`. */
export function contains(container: Value, item: Value, meter: Meter): boolean {
  if (typeof container === 'string') {
    if (item instanceof Undefined) throw new TemplateError(item.reason)
    if (typeof item !== 'string') {
      throw new TemplateError(`'in <string>' requires string as left operand, not ${typeName(item)}`)
    }
    meter.chargeSearch(container.length, item.length)
    return container.includes(item)
  }
  if (container instanceof Map) return (container as Dict).has(keyOf(item))
  if (container instanceof Undefined) return false
  const items = listItems(container)
  if (items === null || container instanceof Namespace) {
    throw new TemplateError(`argument of type '${typeName(container)}' is not iterable`)
  }
  return items.some((other) => isEqual(item, other, meter))
}

/** A value as the key of a dictionary, where 1.0 and True are 1. Throws for one that cannot be. */
export function keyOf(value: Value): Value {
  const key = possibleKey(value)
  if (key === undefined) throw new TemplateError(`unhashable type: '${typeName(value)}'`)
  return key
}

/** As {@link keyOf}, but undefined for a value that cannot be a key. */
export function possibleKey(value: Value): Value | undefined {
  if (value instanceof Float) return value.value
  if (typeof value === 'boolean') return Number(value)
  return value === null || typeof value === 'string' || typeof value === 'number' ? value : undefined
}
