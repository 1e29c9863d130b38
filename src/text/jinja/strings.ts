import type { Meter } from './limits.js'

/** What Python's str.isspace() takes for white space; JavaScript's has U+FEFF and lacks U+0085 and U+001C to U+001F. */
export const WHITE_SPACE = '\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000'
const atStart = new RegExp(`^[${WHITE_SPACE}]+`)
const whiteSpace = new RegExp(`^[${WHITE_SPACE}]$`)
export const words = new RegExp(`[^${WHITE_SPACE}]+`, 'g')
const LINE_BREAKS = '\n\v\f\r\x1c-\x1e\x85\u2028\u2029'
const lineBreak = new RegExp(`\r\n|[${LINE_BREAKS}]`)
const lineWithBreak = new RegExp(`[^${LINE_BREAKS}]*(?:\r\n|[${LINE_BREAKS}])|[^${LINE_BREAKS}]+$`, 'g')

/** The characters of a text. */
export function charactersOf(text: string): string[] {
  return Array.from(text)
}

/** How many characters a text has: JavaScript counts those beyond the first 65536 twice. */
export function lengthOf(text: string): number {
  return /[\ud800-\udbff]/.test(text) ? charactersOf(text).length : text.length
}

/** Without the characters at its start that are among those given, or without white space. */
export function stripStart(text: string, characters: string | null): string {
  if (characters === null) return text.replace(atStart, '')
  const given = new Set(characters)
  let start = 0
  for (const character of text) {
    if (!given.has(character)) break
    start += character.length
  }
  return text.slice(start)
}

/** As {@link stripStart}, at the end. */
export function stripEnd(text: string, characters: string | null): string {
  const given = characters === null ? null : new Set(characters)
  let end = text.length
  while (end > 0) {
    const isPair = end > 1 && /[\udc00-\udfff]/.test(text[end - 1]!) && /[\ud800-\udbff]/.test(text[end - 2]!)
    const character = text.slice(end - (isPair ? 2 : 1), end)
    if (given === null ? !whiteSpace.test(character) : !given.has(character)) break
    end -= character.length
  }
  return text.slice(0, end)
}

export function strip(text: string, characters: string | null): string {
  return stripEnd(stripStart(text, characters), characters)
}

/** The first letter large, the others small. */
export function capitalize(text: string): string {
  const [first = '', ...rest] = charactersOf(text)
  // Where one letter becomes several, as ß, only the first of them is large.
  const [letter = '', ...others] = charactersOf(first.toUpperCase())
  return letter + others.join('').toLowerCase() + rest.join('').toLowerCase()
}

/** The lines of a text without their breaks, as str.splitlines(). */
export function splitLines(text: string): string[] {
  const lines = text.split(lineBreak)
  if (lines.at(-1) === '') lines.pop()
  return lines
}

/** All occurrences, or the first `count`, replaced. */
export function replace(text: string, sought: string, by: string, count: number, meter: Meter): string {
  meter.chargeSearch(text.length, sought.length)
  const pieces = sought === '' ? ['', ...charactersOf(text), ''] : text.split(sought)
  const times = count < 0 ? pieces.length - 1 : Math.min(count, pieces.length - 1)
  meter.chargeText(text.length + times * Math.max(0, by.length - sought.length))
  const rest = pieces.slice(times).join(sought)
  return [...pieces.slice(0, times), rest].join(by)
}

/** A text with blanks around it, as str.center(). */
export function center(text: string, width: number, fill: string, meter: Meter): string {
  const missing = Math.max(0, width - lengthOf(text))
  meter.chargeText(text.length + missing)
  // CPython puts the odd blank on the left of a text of odd width.
  const left = Math.floor(missing / 2) + (missing & width & 1)
  return fill.repeat(left) + text + fill.repeat(missing - left)
}

/** Texts with a separator between them. */
export function joinTexts(texts: readonly string[], separator: string, meter: Meter): string {
  meter.charge(texts.length)
  meter.chargeText(texts.reduce((sum, text) => sum + text.length + separator.length, 0))
  return texts.join(separator)
}

/** As {@link splitLines}, each with its break. */
export function linesWithBreaks(text: string): string[] {
  return text.match(lineWithBreak) ?? []
}
