/**
 * Finds the answer in what a model wrote. Every function takes time linear in the length of the text, whatever it holds.
 * Numbers are returned as plain decimals without needless zeros, so that equal numbers are equal strings: `1,000`, `$1000`
 * and `1000.00` are `1000`. Digits are ASCII digits; `-` and `−` (U+2212) are minus signs.
 */

/** What may stand between the marker of an answer and its number: currency, emphasis, a sign. */
const notBeforeNumber = /[^\s$€£¥\\*_`(+\-−]/

/**
 * The one number of a short text, e.g. `-3` for `$-3.00`, `18` for `**18** apples`.
 *
 * Returns null if there is none, words before it, or more than one: `17 or 18` is no answer, nor is `3/4`, `12:30`, `1,1,1`,
 * or `18½`.
 */
export function readNumber(text: string): string | null {
  const run = lastDigits(text, text.length)
  if (run === null) return null
  const before = text.slice(0, run.start)
  const signs = before.replace(/[^-−]/g, '').length
  if (notBeforeNumber.test(before) || signs > 1 || /\p{N}/u.test(text.slice(run.end))) return null
  return decimal(text.slice(run.start, run.end), signs === 1)
}

/** The number that a whole text consists of, apart from white space around it; null if there is anything else. */
export function readBareNumber(text: string): string | null {
  const trimmed = text.trim()
  return /^[-−]?[\d.,]*\d$/.test(trimmed) ? readNumber(trimmed) : null
}

/**
 * The marked answer of a completion: the number of the last line `#### <number>` or the last `<answer><number></answer>`,
 * whichever comes later. A marker without exactly one number (see {@link readNumber}) is passed over.
 */
export function extractMarkedAnswer(text: string): string | null {
  let answer: string | null = null
  let position = -1
  for (const form of [/^[ \t]*####(.*)$/gm, /<answer>([^<]*)<\/answer>/g]) {
    for (const match of text.matchAll(form)) {
      const number = match.index > position ? readNumber(match[1]!) : null
      if (number === null) continue
      answer = number
      position = match.index
    }
  }
  return answer
}

/**
 * The last number of a text. A minus is its sign unless it follows a letter, digit or closing bracket: `x=-7` ends in -7,
 * `9-7` in 7. Digits that make no number, as in `1.2.3` or `1,1,1`, are passed over.
 */
export function extractLastNumber(text: string): string | null {
  for (let run = lastDigits(text, text.length); run !== null; run = lastDigits(text, run.start)) {
    let before = run.start - 1
    if (before >= 0 && '$€£¥'.includes(text[before]!)) before--
    const isNegative =
      (text[before] === '-' || text[before] === '−') && !/[\p{L}\p{N})\]}%]/u.test(text[before - 1] ?? '')
    const number = decimal(text.slice(run.start, run.end), isNegative)
    if (number !== null) return number
  }
  return null
}

/**
 * Finds the last digits in `text` before `limit`, with the commas and points between them and a point that leads them.
 */
function lastDigits(text: string, limit: number): { start: number; end: number } | null {
  let end = limit
  while (end > 0 && !isDigit(text, end - 1)) end--
  if (end === 0) return null
  let start = end - 1
  while (isDigit(text, start - 1) || (isSeparator(text, start - 1) && isDigit(text, start - 2))) start--
  // `.5` is a number; the point of `end.5` or `...5` belongs to the words.
  if (text[start - 1] === '.' && !/[\p{L}\p{N}.)\]}%]/u.test(text[start - 2] ?? '')) start--
  return { start, end }
}

function isDigit(text: string, index: number): boolean {
  const code = text.charCodeAt(index)
  return code >= 48 && code <= 57
}

function isSeparator(text: string, index: number): boolean {
  return text[index] === ',' || text[index] === '.'
}

/** Normalises digits with commas and points; null if the commas do not separate thousands or there are two points. */
function decimal(digits: string, isNegative: boolean): string | null {
  const [integer = '', fraction = '', ...rest] = digits.split('.')
  const groups = integer.split(',')
  const isGrouped = groups.every((group, index) => (index === 0 ? group.length <= 3 : group.length === 3))
  if (rest.length > 0 || fraction.includes(',') || (groups.length > 1 && !isGrouped)) return null
  const whole = withoutLeadingZeros(groups.join(''))
  const decimals = withoutTrailingZeros(fraction)
  const magnitude = decimals === '' ? whole : `${whole}.${decimals}`
  return isNegative && magnitude !== '0' ? `-${magnitude}` : magnitude
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
