import { argument, numberArgument, ofText, textArgument } from './filterCall.js'
import type { Filter, FilterCall } from './filterCall.js'
import { percentFormat } from './format.js'
import { toJson, toText } from './print.js'
import { WHITE_SPACE, capitalize, center, charactersOf, lengthOf, replace, splitLines, strip } from './strings.js'
import { Tuple, isTrue, itemsOf } from './values.js'
import type { Value } from './values.js'

const wordBreaks = new RegExp(`([-({[<${WHITE_SPACE}]+)`)

/** As do_title: words between blanks, hyphens and opening brackets. */
function title(text: string): string {
  const large = (word: string): string => {
    const [first = '', ...rest] = charactersOf(word)
    return first.toUpperCase() + rest.join('').toLowerCase()
  }
  return text.split(wordBreaks).map(large).join('')
}

function indent(text: string, call: FilterCall): string {
  const width = argument(call, 0, 'width', 4)
  const isFirst = isTrue(argument(call, 1, 'first', false))
  const isBlank = isTrue(argument(call, 2, 'blank', false))
  const spaces = typeof width === 'number' && width > 0 ? width : 0
  call.meter.chargeText(spaces)
  const indentation = typeof width === 'string' ? width : ' '.repeat(spaces)
  const lines = splitLines(`${text}\n`)
  call.meter.chargeText(text.length + lines.length * (indentation.length + 1))
  return lines.map((line, i) => ((i === 0 ? isFirst : isBlank || line !== '') ? indentation + line : line)).join('\n')
}

/** As json.dumps, with what transformers gives it. */
function tojson(value: Value, call: FilterCall): string {
  const indentation = argument(call, 1, 'indent', null)
  const spaces = typeof indentation === 'number' ? Math.max(0, indentation) : 0
  call.meter.chargeText(spaces)
  const separators = argument(call, 2, 'separators', null)
  const given = separators === null ? null : itemsOf(separators).map((separator) => toText(separator, call.meter))
  return toJson(
    value,
    {
      ensureAscii: isTrue(argument(call, 0, 'ensure_ascii', false)),
      indent: indentation === null ? null : typeof indentation === 'string' ? indentation : ' '.repeat(spaces),
      itemSeparator: given?.[0] ?? (indentation === null ? ', ' : ','),
      keySeparator: given?.[1] ?? ': ',
      sortKeys: isTrue(argument(call, 3, 'sort_keys', false)),
    },
    call.meter,
  )
}

function truncate(text: string, call: FilterCall): string {
  const limit = numberArgument(call, 0, 'length', 255)
  const isCut = isTrue(argument(call, 1, 'killwords', false))
  const end = textArgument(call, 2, 'end', '...')
  const characters = Array.from(text)
  if (characters.length <= limit + numberArgument(call, 3, 'leeway', 5)) return text
  const start = characters.slice(0, Math.max(0, limit - lengthOf(end))).join('')
  return (isCut ? start : start.replace(/ [^ ]*$/, '')) + end
}

const htmlEscapes = new Map([
  ['&', '&amp;'],
  ['<', '&lt;'],
  ['>', '&gt;'],
  ["'", '&#39;'],
  ['"', '&#34;'],
])

const escape = ofText((text, { meter }) => {
  meter.chargeText(6 * text.length)
  return text.replace(/[&<>'"]/g, (character) => htmlEscapes.get(character) ?? character)
})

function replaceCount(call: FilterCall): number {
  const count = argument(call, 2, 'count', null)
  return typeof count === 'number' ? count : -1
}

function trim(text: string, call: FilterCall): string {
  const characters = argument(call, 0, 'chars', null)
  return strip(text, characters === null ? null : toText(characters, call.meter))
}

/** The filters that make texts. */
export const textFilters: readonly (readonly [string, Filter])[] = [
  ['capitalize', ofText(capitalize)],
  ['center', ofText((text, call) => center(text, numberArgument(call, 0, 'width', 80), ' ', call.meter))],
  ['e', escape],
  ['escape', escape],
  ['forceescape', escape],
  [
    'format',
    ofText((text, { args, named, meter }) => percentFormat(text, named.size > 0 ? named : new Tuple(args), meter)),
  ],
  ['indent', ofText(indent)],
  ['lower', ofText((text) => text.toLowerCase())],
  [
    'replace',
    ofText((text, call) =>
      replace(text, textArgument(call, 0, 'old', ''), textArgument(call, 1, 'new', ''), replaceCount(call), call.meter),
    ),
  ],
  ['safe', ofText((text) => text)],
  ['string', ofText((text) => text)],
  ['title', ofText(title)],
  ['tojson', tojson],
  ['trim', ofText(trim)],
  ['truncate', ofText(truncate)],
  ['upper', ofText((text) => text.toUpperCase())],
  ['wordcount', ofText((text) => text.match(/[\p{L}\p{N}_]+/gu)?.length ?? 0)],
]
