import type { Meter } from './limits.js'
import { Callable, Float, Loop, Namespace, TemplateError, Tuple, Undefined, listItems, typeName } from './values.js'
import type { Dict, Value } from './values.js'

/** Pieces of a text that is being made, each charged before the next: a list may hold another a thousand times. */
export class Writer {
  readonly #pieces: string[] = []
  #length = 0

  constructor(readonly meter: Meter) {}

  write(piece: string): void {
    this.#length += piece.length
    this.meter.checkLength(this.#length)
    this.meter.chargeText(piece.length)
    this.#pieces.push(piece)
  }

  text(): string {
    return this.#pieces.join('')
  }
}

/** Python's `str(value)`, which is what a template prints. */
export function toText(value: Value, meter: Meter): string {
  if (typeof value === 'string') return value
  if (typeof value === 'number') return String(value)
  const writer = new Writer(meter)
  writeRepr(value, writer)
  return writer.text()
}

/** Python's `repr(value)`: texts in quotes. */
export function toRepr(value: Value, meter: Meter): string {
  const writer = new Writer(meter)
  writeRepr(value, writer)
  return writer.text()
}

function writeRepr(value: Value, writer: Writer): void {
  if (typeof value === 'string') {
    writer.meter.chargeText(value.length)
    writer.write(quoted(value))
  } else if (typeof value === 'number') writer.write(String(value))
  else if (typeof value === 'boolean') writer.write(value ? 'True' : 'False')
  else if (value === null) writer.write('None')
  else if (value instanceof Float) writer.write(floatText(value.value))
  else if (value instanceof Undefined) writer.write('')
  else if (value instanceof Map) writeDict(value as Dict, writer)
  else if (value instanceof Tuple) {
    writeItems(value.items, writer, '(', value.items.length === 1 ? ',)' : ')')
  } else if (value instanceof Namespace) {
    writer.write('<Namespace ')
    writeDict(value.attributes, writer)
    writer.write('>')
  } else if (value instanceof Callable || value instanceof Loop) writer.write(`<${typeName(value)}>`)
  else writeItems(listItems(value) ?? [], writer, '[', ']')
}

function writeItems(items: readonly Value[], writer: Writer, open: string, close: string): void {
  writer.write(open)
  items.forEach((item, i) => {
    if (i > 0) writer.write(', ')
    // As part of another value it has a name.
    if (item instanceof Undefined) writer.write('Undefined')
    else writeRepr(item, writer)
  })
  writer.write(close)
}

function writeDict(dict: Dict, writer: Writer): void {
  writer.write('{')
  let isFirst = true
  for (const [key, value] of dict) {
    if (!isFirst) writer.write(', ')
    isFirst = false
    writeRepr(key, writer)
    writer.write(': ')
    if (value instanceof Undefined) writer.write('Undefined')
    else writeRepr(value, writer)
  }
  writer.write('}')
}

const escapes = new Map([
  ['\n', '\\n'],
  ['\r', '\\r'],
  ['\t', '\\t'],
  ['\\', '\\\\'],
])

/** A text as Python writes it in code. */
function quoted(text: string): string {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'"
  const inside = text.replace(/[\n\r\t\\]|['"]|(?! )[\p{C}\p{Z}]/gu, (character) => {
    const known = escapes.get(character)
    if (known !== undefined) return known
    if (character === '"' || character === "'") return character === quote ? `\\${quote}` : character
    const code = character.codePointAt(0)!
    if (code < 0x100) return `\\x${hex(code, 2)}`
    return code < 0x10000 ? `\\u${hex(code, 4)}` : `\\U${hex(code, 8)}`
  })
  return `${quote}${inside}${quote}`
}

function hex(code: number, digits: number): string {
  return code.toString(16).padStart(digits, '0')
}

/** The shortest digits that give the number, with an exponent where Python has one. */
function floatText(value: number): string {
  if (Number.isNaN(value)) return 'nan'
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf'
  const [digits = '', power = ''] = value.toExponential().split('e')
  const exponent = Number(power)
  if (exponent >= -4 && exponent < 16) {
    const text = Math.abs(value) < 1e-6 && value !== 0 ? value.toFixed(20).replace(/0+$/, '') : String(value)
    return Object.is(value, -0) ? '-0.0' : text.includes('.') ? text : `${text}.0`
  }
  return `${digits}e${exponent < 0 ? '-' : '+'}${String(Math.abs(exponent)).padStart(2, '0')}`
}

export interface JsonOptions {
  readonly ensureAscii: boolean
  /** What each level is indented by; null for one line. */
  readonly indent: string | null
  readonly itemSeparator: string
  readonly keySeparator: string
  readonly sortKeys: boolean
}

/** Python's `json.dumps(value)`. */
export function toJson(value: Value, options: JsonOptions, meter: Meter): string {
  const writer = new Writer(meter)
  writeJson(value, options, writer, '\n')
  return writer.text()
}

function writeJson(value: Value, options: JsonOptions, writer: Writer, lineBreak: string): void {
  if (typeof value === 'string') writeJsonText(value, options, writer)
  else if (value instanceof Float) {
    const names = new Map([
      ['nan', 'NaN'],
      ['inf', 'Infinity'],
      ['-inf', '-Infinity'],
    ])
    const text = floatText(value.value)
    writer.write(names.get(text) ?? text)
  } else if (value === null || typeof value === 'boolean' || typeof value === 'number') writer.write(String(value))
  else if (value instanceof Map) {
    const entries = [...(value as Dict)].map(([key, entry]) => [jsonKey(key), entry] as const)
    if (options.sortKeys) entries.sort(([a], [b]) => (a < b ? -1 : 1))
    writeJsonItems('{', '}', entries, options, writer, lineBreak, ([key, entry], inner) => {
      writeJsonText(key, options, writer)
      writer.write(options.keySeparator)
      writeJson(entry, options, writer, inner)
    })
  } else if (value instanceof Tuple || Array.isArray(value)) {
    const items = value instanceof Tuple ? value.items : (value as readonly Value[])
    writeJsonItems('[', ']', items, options, writer, lineBreak, (item, inner) => {
      writeJson(item, options, writer, inner)
    })
  } else throw new TemplateError(`Object of type ${typeName(value)} is not JSON serializable`)
}

function writeJsonItems<T>(
  open: string,
  close: string,
  items: readonly T[],
  { indent, itemSeparator }: JsonOptions,
  writer: Writer,
  lineBreak: string,
  write: (item: T, lineBreak: string) => void,
): void {
  const inner = indent === null ? '' : lineBreak + indent
  writer.write(open)
  items.forEach((item, i) => {
    writer.write(i === 0 ? inner : itemSeparator + inner)
    write(item, inner)
  })
  writer.write(items.length === 0 || indent === null ? close : lineBreak + close)
}

function writeJsonText(text: string, { ensureAscii }: JsonOptions, writer: Writer): void {
  writer.meter.chargeText(text.length)
  const json = JSON.stringify(text)
  writer.write(ensureAscii ? json.replace(/[^ -~]/g, (unit) => `\\u${hex(unit.charCodeAt(0), 4)}`) : json)
}

function jsonKey(key: Value): string {
  if (typeof key === 'string') return key
  if (key instanceof Float) return floatText(key.value)
  if (key === null || typeof key === 'number' || typeof key === 'boolean') return String(key)
  throw new TemplateError(`keys must be str, int, float, bool or None, not ${typeName(key)}`)
}
