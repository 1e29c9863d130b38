import { add, fraction, multiply, ofDecimal, power } from './fraction.js'
import type { Fraction } from './fraction.js'

/** A number that is written in digits, without a sign. */
export interface Digits {
  readonly value: Fraction
  /** Behind the last character. */
  readonly end: number
  /** Places behind the decimal point, 0 for a whole number, infinite for digits that repeat for ever. */
  readonly places: number
  /** Its groups if nothing but bare commas part them: `1,234` may also be a list. */
  readonly groups?: readonly string[]
}

export interface DigitsOptions {
  /** Whether a comma parts the items of a list, as in `(1,234)`, and no thousands. Defaults to false. */
  inList?: boolean
  /** Whether `0,5` and `12,5 €` are decimals: where there is one number, and no list. Defaults to false. */
  decimalComma?: boolean
}

/** Longer numbers are none. */
const MAX_DIGITS = 1000
const MAX_EXPONENT = 400

/** Commas and blanks that nobody puts into a list: `{,}`, `,\!`, `\,`, a tilde, an apostrophe. */
const marked = /([1-9]\d{0,2})(\{, ?\}|,\\! *|\\!,|\\,|\\;|\\:|\\ |~|')\d{3}(?:\2\d{3})*(?!\d)/y
const blanks = /[1-9]\d{0,2}(?: \d{3})+(?!\d| ?\/| \d)/y
const commas = /[1-9]\d{0,2}(?:,\d{3})+(?!\d|,\d)|[1-9]\d?(?:,\d{2})+,\d{3}(?!\d|,\d)/y
/** `1.250.000`, and `1.250,50`; `1.250` alone is a decimal. */
const points = /[1-9]\d{0,2}(?:(?:\.\d{3}){2,}(?!\d|\.\d|,\d{3})|(?:\.\d{3})+(?=,\d{1,2}(?!\d|[.,]\d)))/y
const plain = /\d+\.(?=\\overline|\\bar|\\dot|\(\d)|\d+(?:\.\d+)?|\.\d+/y
const decimalPart = /\.\d+/y
const commaPart = /(?:,|\{,\})(\d+)(?!\d|[.,]\d)/y
const bracedCommaPart = /\{,\}(\d{1,2}|\d{4,})(?!\d)/y
/** Where no list is meant: behind 0, at a percent sign or a currency that is written so. */
const bareCommaPart =
  /(?<=^0|[^\d.,]0),\d+(?!\d|[.,]\d)|,\d{1,2}(?= ?(?:€|\\?%|EUR\b))|(?<=€ ?\d+),\d{1,2}(?!\d|[.,]\d)/y
const repeated = /\\(?:overline|bar|dot) ?\{(\d{1,50})\}|(?<=\.)\((\d{1,50})\)/y
const goesOn = /(?:\.{3}|\\[lc]?dots(?![A-Za-z]))/y
const exponent = /[eE]([+-]?)(\d{1,4})(?![\p{L}\d]|\.\d)/uy

/**
 * Reads the number in digits that starts at a position of a text in plain characters (see {@link plainCharacters}): `1250`,
 * `12.5`, `.5`, `1,250`, `1{,}250`, `1 250`, `1'250`, `1,00,000`, `1.250,50`, `1.5e3`, `0.1\overline{6}`, `0.333…`. Null if none does.
 */
export function readDigits(text: string, start: number, options: DigitsOptions = {}): Digits | null {
  const grouped = readGrouped(text, start, options.inList ?? false)
  const number = grouped ?? readPlain(text, start, options.decimalComma ?? false)
  return number === null ? null : readExponent(text, number)
}

function readGrouped(text: string, start: number, inList: boolean): Digits | null {
  // The usual number has no groups.
  if (!/\d[,. {\\~']/.test(text.slice(start, start + 4))) return null
  const point = match(points, text, start)
  if (point !== null) {
    const tail = match(commaPart, text, start + point.length)
    return decimal(
      point.replaceAll('.', ''),
      tail?.replace(/\D/g, '') ?? '',
      start + point.length + (tail?.length ?? 0),
    )
  }
  const bare = inList ? null : match(commas, text, start)
  const run = bare ?? match(marked, text, start) ?? match(blanks, text, start)
  if (run === null) return null
  const end = start + run.length
  const whole = run.replace(/\D/g, '')
  const tail = match(decimalPart, text, end)
  if (tail !== null) return decimal(whole, tail.slice(1), end + tail.length)
  const comma = run.includes(',') || inList ? null : match(commaPart, text, end)
  if (comma !== null) return decimal(whole, comma.replace(/\D/g, ''), end + comma.length)
  const number = decimal(whole, '', end)
  return number === null || bare === null ? number : { ...number, groups: bare.split(',') }
}

function readPlain(text: string, start: number, decimalComma: boolean): Digits | null {
  const run = match(plain, text, start)
  if (run === null) return null
  const end = start + run.length
  const [whole = '', tail = ''] = run.split('.')
  if (run.includes('.')) return readRepeated(text, whole, tail, end) ?? decimal(whole, tail, end)
  const comma = match(bracedCommaPart, text, end) ?? (decimalComma ? match(bareCommaPart, text, end) : null)
  return comma === null ? decimal(whole, '', end) : decimal(whole, comma.replace(/\D/g, ''), end + comma.length)
}

function decimal(whole: string, tail: string, end: number): Digits | null {
  if (whole.length + tail.length > MAX_DIGITS) return null
  return { value: ofDecimal(tail === '' ? whole : `${whole}.${tail}`), end, places: tail.length }
}

/** Digits that go on for ever: marked by a bar or brackets, or by dots behind a period that stands there at least twice. */
function readRepeated(text: string, whole: string, tail: string, end: number): Digits | null {
  if (whole.length + tail.length > MAX_DIGITS) return null
  const bar = match(repeated, text, end)
  if (bar !== null) return repeating(whole, tail, bar.replace(/\D/g, ''), end + bar.length)
  const dots = match(goesOn, text, end)
  const twice = dots === null || tail.length < 3 ? null : /(\d{1,20}?)\1+$/.exec(tail)
  if (dots === null || twice === null || twice[0].length < 3) return null
  return repeating(whole, tail.slice(0, twice.index), twice[1]!, end + dots.length)
}

function repeating(whole: string, tail: string, period: string, end: number): Digits {
  const shift = power({ numerator: 10n, denominator: 1n }, -tail.length)!
  const rest = multiply(fraction(BigInt(period), 10n ** BigInt(period.length) - 1n), shift)
  return { value: add(ofDecimal(tail === '' ? whole : `${whole}.${tail}`), rest), end, places: Infinity }
}

function readExponent(text: string, number: Digits): Digits {
  exponent.lastIndex = number.end
  const found = exponent.exec(text)
  if (found === null || Number(found[2]) > MAX_EXPONENT) return number
  const scale = power({ numerator: 10n, denominator: 1n }, Number(`${found[1]!}${found[2]!}`))!
  return { value: multiply(number.value, scale), end: exponent.lastIndex, places: number.places }
}

function match(pattern: RegExp, text: string, at: number): string | null {
  pattern.lastIndex = at
  return pattern.exec(text)?.[0] ?? null
}
