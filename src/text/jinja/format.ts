import type { Meter } from './limits.js'
import { toRepr, toText } from './print.js'
import { lengthOf } from './strings.js'
import { TemplateError, Tuple, asNumber, refuseUndefined, typeName } from './values.js'
import type { Dict, Value } from './values.js'

const MAX_WIDTH = 10_000

/** Python's `text % values`: `%s`, `%r`, `%d`, `%i`, `%f`, `%x`, with width and precision, and `%(name)s`. */
export function percentFormat(text: string, values: Value, meter: Meter): string {
  const args = values instanceof Tuple ? values.items : [values]
  let next = 0
  const pattern = /%(?:\((\w+)\))?([-+ 0#]*)(\d*)(?:\.(\d+))?([a-zA-Z%])/g
  meter.chargeText(text.length)
  let length = text.length
  const result = text.replace(
    pattern,
    (_, name: string | undefined, flags: string, width: string, precision: string | undefined, type: string) => {
      if (type === '%') return '%'
      const value = name === undefined ? args[next++] : named(values, name)
      if (value === undefined) throw new TemplateError('not enough arguments for format string')
      const places = precision === undefined ? undefined : limited(precision)
      const piece = padded(converted(value, type, places, flags, meter), flags, limited(width || '0'))
      length += piece.length
      meter.checkLength(length)
      meter.chargeText(piece.length)
      return piece
    },
  )
  if (next < args.length && !(values instanceof Map)) {
    throw new TemplateError('not all arguments converted during string formatting')
  }
  return result
}

/** Python's `text.format(…)` for fields without a format of their own: `{}`, `{0}`, `{name}`. */
export function braceFormat(
  text: string,
  args: readonly Value[],
  names: ReadonlyMap<string, Value>,
  meter: Meter,
): string {
  let next = 0
  meter.chargeText(text.length)
  let length = text.length
  return text.replace(/\{\{|\}\}|\{([^{}]*)\}|[{}]/g, (part, field: string | undefined) => {
    if (part === '{{' || part === '}}') return part[0]!
    if (field === undefined) throw new TemplateError(`Single '${part}' encountered in format string`)
    if (!/^\w*$/.test(field))
      throw new TemplateError(`the field {${field}} of format() is not supported; {} and {name} are`)
    const value = /^\d*$/.test(field) ? args[field === '' ? next++ : Number(field)] : names.get(field)
    if (value === undefined) throw new TemplateError(`format() has no value for the field {${field}}`)
    const piece = toText(value, meter)
    length += piece.length
    meter.checkLength(length)
    meter.chargeText(piece.length)
    return piece
  })
}

function named(values: Value, name: string): Value | undefined {
  if (!(values instanceof Map)) throw new TemplateError('format requires a mapping')
  return (values as Dict).get(name)
}

function limited(digits: string): number {
  const number = Number(digits)
  if (number > MAX_WIDTH) throw new TemplateError(`the width ${digits} of a format is too large`)
  return number
}

function converted(value: Value, type: string, places: number | undefined, flags: string, meter: Meter): string {
  if (type === 's' || type === 'r') {
    const text = type === 's' ? toText(value, meter) : toRepr(value, meter)
    return places === undefined ? text : Array.from(text).slice(0, places).join('')
  }
  refuseUndefined(value)
  const number = asNumber(value)
  if (number === null) throw new TemplateError(`%${type} format: a real number is required, not ${typeName(value)}`)
  const plus = flags.includes('+') && number >= 0 ? '+' : ''
  switch (type) {
    case 'd':
    case 'i':
      return plus + String(Math.trunc(number))
    case 'f':
    case 'F':
      return plus + number.toFixed(Math.min(places ?? 6, 100))
    case 'x':
      return plus + Math.trunc(number).toString(16)
    case 'X':
      return plus + Math.trunc(number).toString(16).toUpperCase()
  }
  throw new TemplateError(`unsupported format character '${type}'`)
}

function padded(text: string, flags: string, width: number): string {
  const missing = Math.max(0, width - lengthOf(text))
  if (flags.includes('-')) return text + ' '.repeat(missing)
  if (!flags.includes('0')) return ' '.repeat(missing) + text
  const sign = /^[-+]/.exec(text)?.[0] ?? ''
  return sign + '0'.repeat(missing) + text.slice(sign.length)
}
