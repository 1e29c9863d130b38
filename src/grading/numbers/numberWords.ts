import { add, fraction, multiply, negate } from './fraction.js'
import type { Fraction } from './fraction.js'

const units = [
  'zero',
  'one',
  'two',
  'three',
  'four',
  'five',
  'six',
  'seven',
  'eight',
  'nine',
  'ten',
  'eleven',
  'twelve',
  'thirteen',
  'fourteen',
  'fifteen',
  'sixteen',
  'seventeen',
  'eighteen',
  'nineteen',
]
const tens = ['twenty', 'thirty', 'forty', 'fifty', 'sixty', 'seventy', 'eighty', 'ninety']

/** Words that multiply the number before them. */
const scales: Readonly<Record<string, bigint>> = {
  dozen: 12n,
  hundred: 100n,
  thousand: 1000n,
  million: 10n ** 6n,
  billion: 10n ** 9n,
  trillion: 10n ** 12n,
  quadrillion: 10n ** 15n,
}

const parts = new Map<string, bigint>([
  ...['third', 'fourth', 'fifth', 'sixth', 'seventh', 'eighth', 'ninth', 'tenth', 'eleventh', 'twelfth'].map(
    (word, i) => [word, BigInt(i + 3)] as const,
  ),
  ['half', 2n],
  ['halve', 2n],
  ['quarter', 4n],
  ['hundredth', 100n],
  ['thousandth', 1000n],
])

const vocabulary = [
  ...units,
  ...tens,
  ...Object.keys(scales).map((word) => `${word}s?`),
  ...[...parts.keys()].map((word) => `${word}s?`),
  'an',
  'a',
  'and',
  'minus',
  'negative',
  'point',
].join('|')
const phrase = String.raw`(?<![\p{L}\p{N}'-])(?:${vocabulary})(?:(?:-| |, )(?:${vocabulary}))*(?![\p{L}\p{N}])`
const phrases = new RegExp(phrase, 'giu')
const phraseHere = new RegExp(phrase, 'iuy')

/** A number that is written out in English. */
export interface NumberWords {
  readonly start: number
  readonly end: number
  /** Null for words of several numbers, such as `five twenty`. */
  readonly value: Fraction | null
}

/** Finds numbers written out in English, such as `eighteen`, `minus one hundred and five` or `two thirds`, from the first to the last. */
export function findNumberWords(text: string): NumberWords[] {
  return [...text.matchAll(phrases)].flatMap((match) => numberWordsOf(match) ?? [])
}

/** The number written out in English that begins at a position; null if none does. */
export function readNumberWords(text: string, start: number): NumberWords | null {
  phraseHere.lastIndex = start
  const match = phraseHere.exec(text)
  const words = match && numberWordsOf(match)
  return words?.start === start ? words : null
}

/** Takes words that make no number off both ends. */
function numberWordsOf(match: RegExpExecArray): NumberWords | null {
  const before = /^(?:(?:and|point)[ ,-]+|an?[ -]+(?=(?:and|an?)\b))+/i.exec(match[0])?.[0].length ?? 0
  const text = match[0].slice(before).replace(/(?:[ ,-]+(?:and|an?|minus|negative|point))+$/i, '')
  const words = text.toLowerCase().split(/[ ,-]+/)
  // `hundreds` is no number.
  if (words.length === 1 && words[0]!.endsWith('s') && scaleOf(words[0]!) !== undefined) return null
  const isNumber = words.some((word) => isCardinal(word) || word === 'half') || /^(?:an?|half) ./.test(words.join(' '))
  if (!isNumber || (words.length === 1 && parts.has(words[0]!) && words[0] !== 'half')) return null
  const start = match.index + before
  return { start, end: start + text.length, value: valueOf(words) }
}

function isCardinal(word: string): boolean {
  return units.includes(word) || tens.includes(word) || scaleOf(word) !== undefined
}

function scaleOf(word: string): bigint | undefined {
  return scales[word.replace(/s$/, '')]
}

/** Whether a word multiplies the number before it, such as `million`. */
export function isScaleWord(word: string): boolean {
  return scaleOf(word.toLowerCase()) !== undefined
}

function partOf(word: string): bigint | undefined {
  return parts.get(word.replace(/s$/, ''))
}

function valueOf(words: readonly string[]): Fraction | null {
  if (/^(?:minus|negative)$/.test(words[0]!)) {
    const value = words.length > 1 ? valueOf(words.slice(1)) : null
    return value && negate(value)
  }
  const point = words.indexOf('point')
  if (point > 0) return decimalOf(words.slice(0, point), words.slice(point + 1))
  const part = partOf(words.at(-1)!)
  if (part !== undefined) return partsOf(words.slice(0, -1), part)
  const half = words[0] === 'half' && /^an?$/.test(words[1] ?? '') ? wholeOf(['one', ...words.slice(2)]) : null
  if (half !== null) return fraction(half, 2n)
  const scale = scaleOf(words.at(-1)!)
  const mixed = scale !== undefined && words.length > 1 && words.slice(0, -1).some((word) => partOf(word) !== undefined)
  if (mixed) {
    const value = valueOf(words.slice(0, -1))
    return value && multiply(value, fraction(scale))
  }
  const value = wholeOf(/^an?$/.test(words[0]!) ? ['one', ...words.slice(1)] : words)
  return value === null ? null : fraction(value)
}

/** `two thirds`, `a half`, `three and a half`. */
function partsOf(words: readonly string[], part: bigint): Fraction | null {
  if (words.length === 0) return fraction(1n, part)
  const and = words.lastIndexOf('and')
  const counted = words.slice(and + 1)
  const count = counted.length === 1 && /^an?$/.test(counted[0]!) ? 1n : wholeOf(counted)
  const whole = and > 0 ? wholeOf(words.slice(0, and)) : 0n
  if (count === null || whole === null || and === 0) return null
  // `one hundred and one half` but not `one and three halves`.
  if (and > 0 && count >= part) return null
  return add(fraction(whole), fraction(count, part))
}

function decimalOf(whole: readonly string[], places: readonly string[]): Fraction | null {
  const value = wholeOf(whole)
  const digits = places.map((word) => units.indexOf(word))
  if (value === null || digits.length === 0 || digits.some((digit) => digit < 0 || digit > 9)) return null
  return add(fraction(value), fraction(BigInt(digits.join('')), 10n ** BigInt(digits.length)))
}

/** A whole number; null for words that make several, such as `five six`. */
function wholeOf(words: readonly string[]): bigint | null {
  let total = 0n
  let group = 0n
  let last: 'start' | 'unit' | 'tens' | 'hundred' | 'scale' = 'start'
  let smallest = 10n ** 18n
  for (const [i, word] of words.entries()) {
    if (word === 'and' && i > 0) continue
    const scale = scaleOf(word)
    const unit = units.indexOf(word)
    const ten = tens.indexOf(word)
    if (unit >= 0 || ten >= 0) {
      const follows = last === 'tens' ? unit > 0 && unit < 10 : last !== 'unit'
      if (!follows || (i > 0 && unit === 0)) return null
      group += BigInt(unit >= 0 ? unit : (ten + 2) * 10)
      last = unit >= 0 ? 'unit' : 'tens'
    } else if (scale === 100n) {
      if (group >= 100n || last === 'hundred' || (i > 0 && group === 0n)) return null
      group = (group === 0n ? 1n : group) * 100n
      last = 'hundred'
    } else if (scale !== undefined) {
      if (scale >= smallest || (i > 0 && group === 0n)) return null
      total += (group === 0n ? 1n : group) * scale
      group = 0n
      smallest = scale
      last = 'scale'
    } else return null
  }
  return words.length === 0 ? null : total + group
}

const abbreviations: Readonly<Record<string, number>> = {
  k: 3,
  K: 3,
  thousand: 3,
  mn: 6,
  mln: 6,
  mil: 6,
  M: 6,
  MM: 6,
  bn: 9,
  bln: 9,
  B: 9,
  tn: 12,
  trn: 12,
}

/** What a scale word or its abbreviation behind a number, as in `2 million` or `$5M`, multiplies it by; null for other words. */
export function scaleFactor(
  word: string,
  { isAttached, isMoney }: { isAttached: boolean; isMoney: boolean },
): Fraction | null {
  const factor = scaleOf(word.toLowerCase())
  if (factor !== undefined) return fraction(factor)
  const digits = isMoney && /^[mbt]$/i.test(word) ? { m: 6, b: 9, t: 12 }[word.toLowerCase()] : abbreviations[word]
  // `5 K` and `5 M` may be units, `5k`, `$5 M` and `5 bn` are not.
  if (digits === undefined || (!isAttached && !isMoney && /^[KMB]$/.test(word))) return null
  return fraction(10n ** BigInt(digits))
}
