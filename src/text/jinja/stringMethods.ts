import type { Meter } from './limits.js'
import {
  capitalize,
  center,
  charactersOf,
  joinTexts,
  lengthOf,
  linesWithBreaks,
  replace,
  splitLines,
  strip,
  stripEnd,
  stripStart,
  words,
} from './strings.js'
import { TemplateError, Tuple, listItems, refuseUndefined, typeName } from './values.js'
import type { Value } from './values.js'

type Arguments = readonly Value[]
type Method = (text: string, args: Arguments, meter: Meter) => Value

function textArgument(args: Arguments, at: number, what: string): string {
  const value = args[at]
  if (typeof value === 'string') return value
  if (value === undefined)
    throw new TemplateError(`${what}() takes at least ${at + 1} argument(s), ${args.length} given`)
  refuseUndefined(value)
  throw new TemplateError(`${what}() argument ${at + 1} must be str, not ${typeName(value)}`)
}

function charactersArgument(args: Arguments, what: string): string | null {
  return (args[0] ?? null) === null ? null : textArgument(args, 0, what)
}

function wholeArgument(args: Arguments, at: number, otherwise: number): number {
  const value = args[at] ?? otherwise
  if (typeof value === 'number') return value
  if (typeof value === 'boolean') return Number(value)
  throw new TemplateError(`'${typeName(value)}' object cannot be interpreted as an integer`)
}

/** A start or end among so many characters; negative ones count from the end. */
function position(value: number, length: number): number {
  return value < 0 ? Math.max(0, length + value) : Math.min(value, length)
}

/** Whether a text starts or ends with a text, or one of a tuple of texts. */
function hasAffix(what: 'startswith' | 'endswith'): Method {
  return (text, args, meter) => {
    const { part, isEmpty } = partOf(text, args)
    const affixes = args[0] instanceof Tuple ? args[0].items : [textArgument(args, 0, what)]
    return affixes.some((affix) => {
      if (typeof affix !== 'string') throw new TemplateError(`tuple for ${what} must only contain str`)
      meter.chargeText(affix.length)
      return !isEmpty && (what === 'startswith' ? part.startsWith(affix) : part.endsWith(affix))
    })
  }
}

/** The part of a text between the second and third argument, which methods that search take, and where it starts. */
function partOf(text: string, args: Arguments): { part: string; start: number; isEmpty: boolean } {
  if (args.length < 2) return { part: text, start: 0, isEmpty: false }
  const characters = charactersOf(text)
  const start = position(wholeArgument(args, 1, 0), characters.length)
  const end = (args[2] ?? null) === null ? characters.length : position(wholeArgument(args, 2, 0), characters.length)
  return {
    part: characters.slice(start, end).join(''),
    start,
    isEmpty: wholeArgument(args, 1, 0) > characters.length || start > end,
  }
}

/** Where a text is found first or last, in characters; -1 if nowhere. */
function find(isLast: boolean): (text: string, args: Arguments, meter: Meter) => number {
  return (text, args, meter) => {
    const sought = textArgument(args, 0, 'find')
    const { part, start, isEmpty } = partOf(text, args)
    meter.chargeSearch(part.length, sought.length)
    const at = isEmpty ? -1 : isLast ? part.lastIndexOf(sought) : part.indexOf(sought)
    return at < 0 ? -1 : start + lengthOf(part.slice(0, at))
  }
}

function orThrow(method: (text: string, args: Arguments, meter: Meter) => number): Method {
  return (text, args, meter) => {
    const at = method(text, args, meter)
    if (at < 0) throw new TemplateError('substring not found')
    return at
  }
}

/** What str.split() gives: at most `limit` cuts, none for null; without a separator at white space. */
function split(text: string, separator: string | null, limit: number, meter: Meter): string[] {
  if (separator === '') throw new TemplateError('empty separator')
  meter.charge(text.length)
  if (separator !== null) {
    meter.chargeSearch(text.length, separator.length)
    const parts = text.split(separator)
    return limit < 0 || parts.length <= limit ? parts : [...parts.slice(0, limit), parts.slice(limit).join(separator)]
  }
  const found: string[] = []
  for (const match of text.matchAll(words)) {
    if (found.length === limit) return [...found, text.slice(match.index)]
    found.push(match[0])
  }
  return found
}

/** As {@link split}, counting cuts from the end. */
function splitFromEnd(text: string, separator: string | null, limit: number, meter: Meter): string[] {
  const parts = split(text, separator, -1, meter)
  if (limit < 0 || parts.length <= limit) return parts
  const last = parts.slice(parts.length - limit)
  if (separator !== null) return [parts.slice(0, parts.length - limit).join(separator), ...last]
  let rest = stripEnd(text, null)
  for (const word of last.toReversed()) rest = stripEnd(rest.slice(0, rest.length - word.length), null)
  return rest === '' ? last : [rest, ...last]
}

function partition(isLast: boolean): Method {
  return (text, args, meter) => {
    const separator = textArgument(args, 0, 'partition')
    if (separator === '') throw new TemplateError('empty separator')
    meter.chargeSearch(text.length, separator.length)
    const at = isLast ? text.lastIndexOf(separator) : text.indexOf(separator)
    if (at < 0) return new Tuple(isLast ? ['', '', text] : [text, '', ''])
    return new Tuple([text.slice(0, at), separator, text.slice(at + separator.length)])
  }
}

/** Whether a text has characters and all are of a kind. */
function all(kind: RegExp): Method {
  return (text) => kind.test(text)
}

function pad(isLeft: boolean): Method {
  return (text, args, meter) => {
    const missing = Math.max(0, wholeArgument(args, 0, 0) - lengthOf(text))
    meter.chargeText(text.length + missing)
    const fill = (args.length > 1 ? textArgument(args, 1, 'ljust') : ' ').repeat(missing)
    return isLeft ? fill + text : text + fill
  }
}

function join(text: string, args: Arguments, meter: Meter): string {
  const items = typeof args[0] === 'string' ? charactersOf(args[0]) : listItems(args[0] ?? null)
  if (items === null) throw new TemplateError('can only join an iterable')
  return joinTexts(
    items.map((item, i) => {
      if (typeof item === 'string') return item
      throw new TemplateError(`sequence item ${i}: expected str instance, ${typeName(item)} found`)
    }),
    text,
    meter,
  )
}

/** Letters at the start of words large, all others small; a word is a run of letters. */
function title(text: string): string {
  return text.replace(/\p{L}+/gu, (word) => capitalize(word))
}

function isCased(text: string, isUpper: boolean): boolean {
  return (
    text !== (isUpper ? text.toLowerCase() : text.toUpperCase()) &&
    text === (isUpper ? text.toUpperCase() : text.toLowerCase())
  )
}

/** The methods of a Python str that do not change with the version of Python. */
export const stringMethods: ReadonlyMap<string, Method> = new Map<string, Method>([
  ['capitalize', capitalize],
  ['casefold', (text) => text.toLowerCase().replaceAll('ß', 'ss')],
  [
    'center',
    (text, args, meter) =>
      center(text, wholeArgument(args, 0, 0), args.length > 1 ? textArgument(args, 1, 'center') : ' ', meter),
  ],
  [
    'count',
    (text, args, meter) => {
      const sought = textArgument(args, 0, 'count')
      const { part, isEmpty } = partOf(text, args)
      meter.chargeSearch(part.length, sought.length)
      if (isEmpty) return 0
      return sought === '' ? lengthOf(part) + 1 : part.split(sought).length - 1
    },
  ],
  ['endswith', hasAffix('endswith')],
  ['find', find(false)],
  ['index', orThrow(find(false))],
  ['isalnum', all(/^[\p{L}\p{N}]+$/u)],
  ['isalpha', all(/^\p{L}+$/u)],
  ['isascii', all(/^[\0-\x7f]*$/)],
  ['isdecimal', all(/^\p{Nd}+$/u)],
  ['isdigit', all(/^[\p{Nd}\u00b2\u00b3\u00b9\u2070-\u2089]+$/u)],
  ['isidentifier', all(/^[\p{L}\p{Nl}_][\p{L}\p{Nl}\p{Mn}\p{Mc}\p{Nd}\p{Pc}]*$/u)],
  ['islower', (text) => isCased(text, false)],
  ['isnumeric', all(/^\p{N}+$/u)],
  ['isspace', (text) => text !== '' && strip(text, null) === ''],
  ['istitle', (text) => text === title(text) && /\p{L}/u.test(text)],
  ['isupper', (text) => isCased(text, true)],
  ['join', join],
  ['ljust', pad(false)],
  ['lower', (text) => text.toLowerCase()],
  ['lstrip', (text, args) => stripStart(text, charactersArgument(args, 'lstrip'))],
  ['partition', partition(false)],
  [
    'removeprefix',
    (text, args) => {
      const prefix = textArgument(args, 0, 'removeprefix')
      return text.startsWith(prefix) ? text.slice(prefix.length) : text
    },
  ],
  [
    'removesuffix',
    (text, args) => {
      const suffix = textArgument(args, 0, 'removesuffix')
      return suffix !== '' && text.endsWith(suffix) ? text.slice(0, -suffix.length) : text
    },
  ],
  [
    'replace',
    (text, args, meter) =>
      replace(
        text,
        textArgument(args, 0, 'replace'),
        textArgument(args, 1, 'replace'),
        wholeArgument(args, 2, -1),
        meter,
      ),
  ],
  ['rfind', find(true)],
  ['rindex', orThrow(find(true))],
  ['rjust', pad(true)],
  ['rpartition', partition(true)],
  [
    'rsplit',
    (text, args, meter) => splitFromEnd(text, charactersArgument(args, 'rsplit'), wholeArgument(args, 1, -1), meter),
  ],
  ['rstrip', (text, args) => stripEnd(text, charactersArgument(args, 'rstrip'))],
  ['split', (text, args, meter) => split(text, charactersArgument(args, 'split'), wholeArgument(args, 1, -1), meter)],
  ['splitlines', (text, args) => (args[0] === true ? linesWithBreaks(text) : splitLines(text))],
  ['startswith', hasAffix('startswith')],
  ['strip', (text, args) => strip(text, charactersArgument(args, 'strip'))],
  [
    'swapcase',
    (text) =>
      charactersOf(text)
        .map((character) => (character === character.toLowerCase() ? character.toUpperCase() : character.toLowerCase()))
        .join(''),
  ],
  ['title', title],
  ['upper', (text) => text.toUpperCase()],
  [
    'zfill',
    (text, args, meter) => {
      const missing = Math.max(0, wholeArgument(args, 0, 0) - lengthOf(text))
      meter.chargeText(text.length + missing)
      const sign = /^[-+]/.exec(text)?.[0] ?? ''
      return sign + '0'.repeat(missing) + text.slice(sign.length)
    },
  ],
])

/** Parameters of the methods that may be given by name. */
export const stringMethodNames: ReadonlyMap<string, readonly string[]> = new Map([
  ['split', ['sep', 'maxsplit']],
  ['rsplit', ['sep', 'maxsplit']],
  ['splitlines', ['keepends']],
  ['replace', ['', '', 'count']],
])
