import { attributeAtPath, entriesOf } from './attributes.js'
import { compare, isEqual, keyOf } from './compare.js'
import { argument, numberArgument, textArgument } from './filterCall.js'
import type { Filter, FilterCall } from './filterCall.js'
import type { Meter } from './limits.js'
import { binary } from './operators.js'
import { toText } from './print.js'
import { joinTexts, lengthOf } from './strings.js'
import { TemplateError, Tuple, Undefined, isTrue, itemsOf, listItems, typeName } from './values.js'
import type { Dict, Value } from './values.js'

/** The items that a filter goes through, charged. */
export function filteredItems(value: Value, meter: Meter): readonly Value[] {
  const items = itemsOf(value)
  meter.charge(items.length)
  return items
}

/** What items are sorted, grouped and told apart by: an attribute, texts without regard to case unless that counts. */
function keyFunction(call: FilterCall, path: Value, isCaseSensitive: boolean): (item: Value) => Value {
  return (item) => {
    const key = path === null ? item : attributeAtPath(item, path, call.meter)
    if (isCaseSensitive || typeof key !== 'string') return key
    call.meter.chargeText(key.length)
    return key.toLowerCase()
  }
}

/** Several attributes between commas are compared one after another. */
function sort(value: Value, call: FilterCall): Value {
  const isReversed = isTrue(argument(call, 0, 'reverse', false))
  const attribute = argument(call, 2, 'attribute', null)
  const paths = typeof attribute === 'string' ? attribute.split(',') : [attribute]
  const keys = paths.map((path) => keyFunction(call, path, isTrue(argument(call, 1, 'case_sensitive', false))))
  return sorted(filteredItems(value, call.meter), (item) => keys.map((key) => key(item)), isReversed, call.meter)
}

function sorted(
  items: readonly Value[],
  keysOf: (item: Value) => readonly Value[],
  isReversed: boolean,
  meter: Meter,
): Value[] {
  const entries = items.map((item) => ({ item, keys: keysOf(item) }))
  entries.sort((a, b) => {
    const order = compare(a.keys, b.keys, '<', meter)
    return isReversed ? -order : order
  })
  return entries.map(({ item }) => item)
}

function dictsort(value: Value, call: FilterCall): Value {
  if (!(value instanceof Map)) throw new TemplateError(`'${typeName(value)}' object has no attribute 'items'`)
  const isCaseSensitive = isTrue(argument(call, 0, 'case_sensitive', false))
  const by = argument(call, 1, 'by', 'key')
  if (by !== 'key' && by !== 'value') throw new TemplateError('You can only sort by either "key" or "value"')
  const key = keyFunction(call, by === 'key' ? 0 : 1, isCaseSensitive)
  const entries = entriesOf(value as Dict, call.meter)
  return sorted(entries, (item) => [key(item)], isTrue(argument(call, 2, 'reverse', false)), call.meter)
}

function unique(value: Value, call: FilterCall): Value {
  const isCaseSensitive = isTrue(argument(call, 0, 'case_sensitive', false))
  const key = keyFunction(call, argument(call, 1, 'attribute', null), isCaseSensitive)
  const seen = new Set<Value>()
  return filteredItems(value, call.meter).filter((item) => {
    const own = keyOf(key(item))
    const isNew = !seen.has(own)
    seen.add(own)
    return isNew
  })
}

function groupby(value: Value, call: FilterCall): Value {
  const path = argument(call, 0, 'attribute', null)
  const key = keyFunction(call, path, isTrue(argument(call, 2, 'case_sensitive', false)))
  const otherwise = argument(call, 1, 'default', null)
  const groups: { key: Value; name: Value; items: Value[] }[] = []
  const keyOrDefault = (item: Value): Value => {
    const own = key(item)
    return own instanceof Undefined && otherwise !== null ? otherwise : own
  }
  const ordered = filteredItems(value, call.meter).toSorted((a, b) =>
    compare(keyOrDefault(a), keyOrDefault(b), '<', call.meter),
  )
  for (const item of ordered) {
    const own = keyOrDefault(item)
    const last = groups.at(-1)
    if (last !== undefined && isEqual(last.key, own, call.meter)) last.items.push(item)
    else {
      const name = attributeAtPath(item, path, call.meter)
      groups.push({ key: own, name: name instanceof Undefined ? own : name, items: [item] })
    }
  }
  return groups.map(({ name, items }) => new Tuple([name, items]))
}

/** The least or greatest item. */
function extreme(sign: 1 | -1): Filter {
  return (value, call) => {
    const isCaseSensitive = isTrue(argument(call, 0, 'case_sensitive', false))
    const key = keyFunction(call, argument(call, 1, 'attribute', null), isCaseSensitive)
    const items = filteredItems(value, call.meter)
    if (items.length === 0) return new Undefined('No aggregated item, sequence was empty.')
    return items.reduce((best, item) => (sign * compare(key(item), key(best), '<', call.meter) < 0 ? item : best))
  }
}

function sum(value: Value, call: FilterCall): Value {
  const path = argument(call, 0, 'attribute', null)
  let total = argument(call, 1, 'start', 0)
  for (const item of filteredItems(value, call.meter)) {
    total = binary('+', total, path === null ? item : attributeAtPath(item, path, call.meter), call.meter)
  }
  return total
}

function join(value: Value, call: FilterCall): Value {
  const path = argument(call, 1, 'attribute', null)
  const texts = filteredItems(value, call.meter).map((item) =>
    toText(path === null ? item : attributeAtPath(item, path, call.meter), call.meter),
  )
  return joinTexts(texts, textArgument(call, 0, 'd', ''), call.meter)
}

/** Lists of so many items each, the last one filled up where there is something to fill it with. */
function batch(value: Value, call: FilterCall): Value {
  const size = numberArgument(call, 0, 'linecount', 1)
  if (size < 1) throw new TemplateError('batch() needs a positive number of items')
  const fill = argument(call, 1, 'fill_with', null)
  const items = filteredItems(value, call.meter)
  const batches: Value[][] = []
  for (let i = 0; i < items.length; i += size) batches.push(items.slice(i, i + size))
  const last = batches.at(-1)
  if (fill === null || last === undefined) return batches
  call.meter.charge(size)
  while (last.length < size) last.push(fill)
  return batches
}

/** So many lists, as equal in length as can be. */
function slices(value: Value, call: FilterCall): Value {
  const count = numberArgument(call, 0, 'slices', 1)
  if (count < 1) throw new TemplateError('slice() needs a positive number of slices')
  const fill = argument(call, 1, 'fill_with', null)
  const items = filteredItems(value, call.meter)
  call.meter.charge(count)
  const [size, longer] = [Math.floor(items.length / count), items.length % count]
  let start = 0
  return Array.from({ length: count }, (_, i) => {
    const end = start + size + (i < longer ? 1 : 0)
    const slice = items.slice(start, end)
    start = end
    return fill !== null && i >= longer ? [...slice, fill] : slice
  })
}

function length(value: Value): number {
  if (typeof value === 'string') return lengthOf(value)
  if (value instanceof Map) return value.size
  if (value instanceof Undefined) return 0
  const items = listItems(value)
  if (items === null) throw new TemplateError(`object of type '${typeName(value)}' has no len()`)
  return items.length
}

function reverse(value: Value, { meter }: FilterCall): Value {
  const items = filteredItems(value, meter).toReversed()
  return typeof value === 'string' ? joinTexts(items as string[], '', meter) : items
}

function items(value: Value, { meter }: FilterCall): Value {
  if (value instanceof Undefined) return []
  if (value instanceof Map) return entriesOf(value as Dict, meter)
  throw new TemplateError('Can only get item pairs from a mapping.')
}

/** The filters of lists, dictionaries and what else has items. */
export const listFilters: readonly (readonly [string, Filter])[] = [
  ['batch', batch],
  ['count', length],
  ['dictsort', dictsort],
  ['first', (value) => itemsOf(value)[0] ?? emptyItem(value, 0, 'No first item, sequence was empty.')],
  ['groupby', groupby],
  ['items', items],
  ['join', join],
  ['last', (value) => itemsOf(value).at(-1) ?? emptyItem(value, -1, 'No last item, sequence was empty.')],
  ['length', length],
  ['list', (value, { meter }) => filteredItems(value, meter)],
  ['max', extreme(-1)],
  ['min', extreme(1)],
  ['reverse', reverse],
  ['slice', slices],
  ['sort', sort],
  ['sum', sum],
  ['unique', unique],
]

/** None is an item as well. */
function emptyItem(value: Value, at: number, reason: string): Value {
  return itemsOf(value).at(at) === null ? null : new Undefined(reason)
}
