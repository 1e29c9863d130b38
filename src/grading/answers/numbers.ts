/**
 * Numbers as people write them, brought to a normal form in which equal numbers are equal strings: a plain decimal without
 * needless zeros if there is one, otherwise a reduced fraction. `1,000`, `$1000`, `1000.00` and `1e3` are `1000`, `3/4` is
 * `0.75`, `4 2/3` is `14/3`. Digits are ASCII digits; `-` and `−` (U+2212) are minus signs. A percent sign is a unit: `50%`
 * is `50`. Every function takes time linear in the length of the text, whatever it holds.
 */

/** A number in a text. */
export interface NumberSpan {
  readonly start: number
  /** Behind the last character. */
  readonly end: number
  /** The normal form, without a sign; null for digits that make no number, as in `1.2.3` or `1,1,1`. */
  readonly value: string | null
}

/** What may stand between the marker of an answer and its number: currency, emphasis, a sign. */
const notBeforeNumber = /[^\s$€£¥\\*_`(+\-−]/

const vulgarFractions = new Map(
  [
    '½1/2',
    '⅓1/3',
    '⅔2/3',
    '¼1/4',
    '¾3/4',
    '⅕1/5',
    '⅖2/5',
    '⅗3/5',
    '⅘4/5',
    '⅙1/6',
    '⅚5/6',
    '⅛1/8',
    '⅜3/8',
    '⅝5/8',
    '⅞7/8',
  ].map((entry) => [entry[0]!, entry.slice(1)]),
)

// `.5` is a number; the point of `end.5` or `...5` belongs to the words.
const digitRun = /(?:(?<![\p{L}\p{N}.)\]}%])\.)?\d+(?:[.,]\d+)*|[½⅓⅔¼¾⅕⅖⅗⅘⅙⅚⅛⅜⅝⅞]/gu

/** No answer is longer; a longer text is not searched for its one number. */
const MAX_ANSWER_LENGTH = 2000
/** Exact arithmetic is for numbers of so many characters; longer ones keep their digits or are no numbers. */
const MAX_EXACT_LENGTH = 200
const MAX_EXPONENT = 400

/**
 * The one number of a short text, e.g. `-3` for `$-3.00`, `18` for `**18** apples`.
 *
 * Returns null if there is none, words before it, or more than one: `17 or 18` is no answer, nor is `12:30` or `1,1,1`.
 */
export function readNumber(text: string): string | null {
  const answer = text.trim()
  if (answer.length > MAX_ANSWER_LENGTH) return null
  const spans = findNumbers(answer)
  const [span] = spans
  if (span?.value == null || spans.length > 1) return null
  const before = answer.slice(0, span.start)
  const signs = before.replace(/[^-−]/g, '').length
  const digitsElsewhere = /\p{N}/u.test(before) || /\p{N}/u.test(answer.slice(span.end))
  if (notBeforeNumber.test(before) || signs > 1 || digitsElsewhere) return null
  return withSign(span.value, signs === 1)
}

/** The number that a whole text consists of, apart from white space around it; null if there is anything else. */
export function readBareNumber(text: string): string | null {
  const trimmed = text.trim()
  return /^[-−]?[\d.,]*\d$/.test(trimmed) ? readNumber(trimmed) : null
}

/** Whether a minus stands before a number: `x=-7` ends in -7, `9-7` in 7, `-$3` is -3. */
export function isNegative(text: string, { start }: NumberSpan): boolean {
  let before = start - 1
  while (before >= 0 && '$€£¥\\'.includes(text[before]!)) before--
  const isMinus = text[before] === '-' || text[before] === '−'
  return isMinus && !/[\p{L}\p{N})\]}%]/u.test(text[before - 1] ?? '')
}

/** The normal form with its sign. */
export function withSign(value: string, negative: boolean): string {
  return negative && value !== '0' ? `-${value}` : value
}

/** Finds the numbers of a text in order: integers, decimals, `3/4`, `4 2/3`, `1e3`, `1.5 × 10^3`, `2^10`, `½`. */
export function findNumbers(text: string): NumberSpan[] {
  const runs: NumberSpan[] = []
  for (const match of text.matchAll(digitRun)) {
    const fraction = vulgarFractions.get(match[0])
    const [numerator, denominator] = fraction?.split('/') ?? []
    const value = fraction === undefined ? decimal(match[0]) : divide(numerator!, denominator!)
    runs.push({ start: match.index, end: match.index + match[0].length, value })
  }
  const numbers: NumberSpan[] = []
  for (let i = 0; i < runs.length;) {
    const { used, value } = combine(text, runs, i)
    numbers.push({ start: runs[i]!.start, end: runs[i + used - 1]!.end, value })
    i += used
  }
  return numbers
}

/** Reads the runs of digits from `i` on that make one number together. */
function combine(text: string, runs: readonly NumberSpan[], i: number): { used: number; value: string | null } {
  const first = runs[i]!
  const value = first.value
  const between = (k: number): string | null => {
    const [left, right] = [runs[i + k], runs[i + k + 1]]
    // Longer gaps hold words.
    return left && right && right.start - left.end <= 12 ? text.slice(left.end, right.start) : null
  }
  const at = (k: number): string | null => runs[i + k]?.value ?? null
  const gap = between(0)
  if (value === null || gap === null) return { used: 1, value }
  if (/^[eE][+\-−]?$/.test(gap)) {
    return { used: 2, value: scale(value, exponent(gap, at(1))) }
  }
  if (/^\s*(?:×|x|\*|\\times|\\cdot)\s*$/.test(gap) && at(1) === '10' && isPower(between(1))) {
    return { used: 3, value: scale(value, exponent(between(1)!, at(2))) }
  }
  if (isPower(gap)) return { used: 2, value: power(value, exponent(gap, at(1))) }
  if (/^ ?\/ ?$/.test(gap)) {
    // `1/2/3` and dates are no number.
    let used = 2
    while (/^ ?\/ ?$/.test(between(used - 1) ?? '')) used++
    return { used, value: used > 2 || at(1) === null ? null : divide(value, at(1)) }
  }
  const isInteger = /^\d+$/.test(value)
  if (isInteger && /^ ?$/.test(gap) && vulgarFractions.has(text[runs[i + 1]!.start]!)) {
    return { used: 2, value: add(value, at(1)) }
  }
  if (isInteger && /^ +$/.test(gap) && /^ ?\/ ?$/.test(between(1) ?? '') && isProper(at(1), at(2))) {
    return { used: 3, value: add(value, divide(at(1)!, at(2))) }
  }
  return { used: 1, value }
}

function isPower(gap: string | null): boolean {
  return gap !== null && /^\s*(?:\^|\*\*)\s*[{(]?\s*[+\-−]?$/.test(gap)
}

function isProper(numerator: string | null, denominator: string | null): boolean {
  return (
    /^\d{1,9}$/.test(numerator ?? '') && /^\d{1,9}$/.test(denominator ?? '') && Number(numerator) < Number(denominator)
  )
}

/** The exponent whose sign ends a gap; null if it is no integer or too large. */
function exponent(gap: string, digits: string | null): number | null {
  if (digits === null || !/^\d{1,4}$/.test(digits) || Number(digits) > MAX_EXPONENT) return null
  return /[-−]/.test(gap) ? -Number(digits) : Number(digits)
}

/** Normalises digits with commas and points; null if the commas do not separate thousands or there are two points. */
function decimal(digits: string): string | null {
  const [integer = '', fraction = '', ...rest] = digits.split('.')
  const groups = integer.split(',')
  const isGrouped = groups.every((group, index) => (index === 0 ? group.length <= 3 : group.length === 3))
  if (rest.length > 0 || fraction.includes(',') || (groups.length > 1 && !isGrouped)) return null
  const whole = withoutLeadingZeros(groups.join(''))
  const decimals = withoutTrailingZeros(fraction)
  return decimals === '' ? whole : `${whole}.${decimals}`
}

/** A ratio of integers. */
interface Ratio {
  readonly numerator: bigint
  readonly denominator: bigint
}

/** The exact value of a normal form; null if it is too long. */
export function ratioOf(value: string): Ratio | null {
  if (value.length > MAX_EXACT_LENGTH + MAX_EXPONENT) return null
  const [numerator, denominator] = value.split('/')
  if (denominator !== undefined) return { numerator: BigInt(numerator!), denominator: BigInt(denominator) }
  const [whole = '', decimals = ''] = value.split('.')
  return { numerator: BigInt(whole + decimals), denominator: 10n ** BigInt(decimals.length) }
}

function divide(a: string, b: string | null): string | null {
  if (b === null || a.length > MAX_EXACT_LENGTH || b.length > MAX_EXACT_LENGTH) return null
  const [p, q] = [ratioOf(a)!, ratioOf(b)!]
  return normalForm({ numerator: p.numerator * q.denominator, denominator: p.denominator * q.numerator })
}

function add(a: string, b: string | null): string | null {
  if (b === null || a.length > MAX_EXACT_LENGTH || b.length > MAX_EXACT_LENGTH) return null
  const [p, q] = [ratioOf(a)!, ratioOf(b)!]
  const numerator = p.numerator * q.denominator + q.numerator * p.denominator
  return normalForm({ numerator, denominator: p.denominator * q.denominator })
}

function scale(value: string, exponent10: number | null): string | null {
  if (exponent10 === null || value.length > MAX_EXACT_LENGTH) return null
  const { numerator, denominator } = ratioOf(value)!
  const factor = 10n ** BigInt(Math.abs(exponent10))
  return normalForm(
    exponent10 < 0 ? { numerator, denominator: denominator * factor } : { numerator: numerator * factor, denominator },
  )
}

function power(base: string, exponent: number | null): string | null {
  if (exponent === null || base.length * Math.abs(exponent) > 4 * MAX_EXACT_LENGTH) return null
  const { numerator, denominator } = ratioOf(base)!
  const raised = {
    numerator: numerator ** BigInt(Math.abs(exponent)),
    denominator: denominator ** BigInt(Math.abs(exponent)),
  }
  return normalForm(exponent < 0 ? { numerator: raised.denominator, denominator: raised.numerator } : raised)
}

/** A decimal if it ends, else a reduced fraction; null for a denominator of 0. */
export function normalForm({ numerator, denominator }: Ratio): string | null {
  if (denominator === 0n) return null
  if (denominator < 0n) return normalForm({ numerator: -numerator, denominator: -denominator })
  if (numerator < 0n) return withSign(normalForm({ numerator: -numerator, denominator })!, true)
  const divisor = greatestCommonDivisor(numerator, denominator)
  const [p, q] = [numerator / divisor, denominator / divisor]
  let rest = q
  let places = 0
  for (const prime of [2n, 5n]) {
    let count = 0
    for (; rest % prime === 0n; count++) rest /= prime
    places = Math.max(places, count)
  }
  if (rest !== 1n) return `${p}/${q}`
  const digits = String((p * 10n ** BigInt(places)) / q).padStart(places + 1, '0')
  return places === 0 ? digits : `${digits.slice(0, -places)}.${digits.slice(-places)}`
}

function greatestCommonDivisor(a: bigint, b: bigint): bigint {
  while (b !== 0n) [a, b] = [b, a % b]
  return a === 0n ? 1n : a
}

function withoutLeadingZeros(digits: string): string {
  let start = 0
  while (digits[start] === '0') start++
  return start === digits.length ? '0' : digits.slice(start)
}

// A loop: `/0+$/` takes quadratic time on zeros that end in another digit.
function withoutTrailingZeros(digits: string): string {
  let end = digits.length
  while (digits[end - 1] === '0') end--
  return digits.slice(0, end)
}
