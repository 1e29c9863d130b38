import { readDigits } from '../numbers/digits.js'
import { isScaleWord, scaleFactor } from '../numbers/numberWords.js'
import { readNumber } from './readNumber.js'

/** A number in running text. */
export interface NumberSpan {
  readonly start: number
  /** Behind the last character. */
  readonly end: number
  /**
   * The number in its normal form, with its sign; null for what has digits and is no number, as `12:30`, `x^2` or a formula without
   * an exact value.
   */
  readonly value: string | null
  /** Whether it is only a part: a term of `9 * 2`, one end of `17-18`, or the digits of `1.2.3`. */
  readonly isPart: boolean
}

/** A formula between dollar signs or brackets of LaTeX: behind the first sign and before the last one there is no blank. */
const delimited = String.raw`\$\$[^$]{1,400}\$\$|\$(?![\s$])(?:[^$\\\n]|\\.){1,400}(?<!\s)\$(?!\d)|\\\((?:(?!\\\)).){1,400}\\\)|\\\[(?:(?!\\\]).){1,400}\\\]`
const braces = String.raw`\{(?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\})*\}`
/** A fraction or root without delimiters, with the number before it. */
const bareFormula = String.raw`(?:\d+\s?)?\\(?:[dtc]?frac|sqrt|d?binom)\s*(?:\[[^\]]{0,9}\])?(?:${braces}|\d){1,2}`
/** A letter with an index or a power, a word with digits in it. */
const withLetters = String.raw`(?<![\p{L}\p{N}_])\p{L}[\p{L}_]*(?=[\p{N}^_])(?:[\p{L}\p{N}]|_(?=[\p{L}\p{N}]))*(?:[\^_](?:\{[^{}]{0,40}\}|[-+]?[\p{L}\p{N}.]+))*`
const candidate = new RegExp(
  `(?<formula>${delimited}|${bareFormula})|(?<word>${withLetters})|(?<digit>(?:(?<![\\p{L}\\p{N}.)\\]}%])\\.)?\\d)`,
  'gsu',
)

/**
 * Finds the numbers of a text in plain characters (see {@link plainCharacters}), in order: integers, decimals, fractions, mixed
 * numbers, powers, `1.5 \times 10^3`, `2 million`, formulas. A unit with its power, as `m^2`, belongs to its number. Takes time linear
 * in the length of the text.
 */
export function findNumbers(text: string): NumberSpan[] {
  const spans: Span[] = []
  for (let at = 0; ;) {
    candidate.lastIndex = at
    const match = candidate.exec(text)
    if (match === null) return numbersOf(text, spans)
    const { formula, word } = match.groups!
    const start = match.index
    const end = start + match[0].length
    if (formula !== undefined && /\d/.test(formula)) spans.push(formulaSpan(text, start, formula))
    else if (word !== undefined && /\d/.test(word))
      spans.push({ start, end, read: () => null, isPart: /^[\p{L}_][\p{L}\p{N}_]+$/u.test(word) })
    else if (formula === undefined && word === undefined) spans.push(digitSpan(text, start))
    at = Math.max(end, spans.at(-1)?.end ?? 0)
  }
}

/** A number that is read when it is asked for: of many in a text few are. */
interface Span extends Omit<NumberSpan, 'value'> {
  readonly read: () => string | null
}

/** A formula is worth what stands behind its last `=`. One that cannot be read is text: its last number counts. */
function formulaSpan(text: string, start: number, formula: string): Span {
  const read = (): string | null => {
    const value = readNumber(formula)
    if (value !== null) return /^\\|^\d/.test(formula) && signBefore(text, start) ? negated(value) : value
    if (!formula.includes('=')) return null
    const last = findNumbers(formula.replace(/^(?:\$\$?|\\[([])|(?:\$\$?|\\[)\]])$/g, ' ')).at(-1)
    return last === undefined || last.isPart ? null : last.value
  }
  return { start, end: start + formula.length, read, isPart: false }
}

function negated(value: string): string {
  if (value === '0') return value
  return value.startsWith('-') ? value.slice(1) : `-${value}`
}

const longer = /[.,:](?=\d)[\d.,:]*/y
const fractionPart = / ?\/ ?\d[\d/ ]*(?<=\d)| \d{1,4} ?\/ ?\d{1,4}(?![\d/])|\s?\\[dtc]?frac(?:\{\d+\}|\d){2}/y
const powerPart =
  /\s*(?:\^|\*\*)\s*(?:\{\s*[-+]?\d+\s*\}|\(\s*[-+]?\d+\s*\)|[-+]?\d+)|\s*(?:×|x|X|\*|·|\\times|\\cdot)\s*10\s*(?:\^|\*\*)\s*(?:\{\s*[-+]?\d+\s*\}|[-+]?\d+)/y
const scalePart = /[ -]?([\p{L}]+)\b/uy
/** A unit with a power: only that the power is no number of its own. */
const unitPart =
  /\s?\\?(?:text|mathrm|mbox)?\s?\{?\s*(?:[\p{L}]{1,12}[ /]?){1,3}\}?\s*\^\s*\{?-?\d+\}?|(?:st|nd|rd|th)(?!\p{L})/uy

/** A number that begins with a digit, with all that belongs to it. */
function digitSpan(text: string, start: number): Span {
  const digits = readDigits(text, start)
  let end = digits?.end ?? start + /^[\d.]+/.exec(text.slice(start, start + 5000))![0].length
  const rest = match(longer, text, end)
  const isDecimalComma = rest !== null && readDigits(text, start, { decimalComma: true })!.end === end + rest.length
  if (rest !== null && !isDecimalComma)
    return { start, end: end + rest.length, read: () => null, isPart: !rest.includes(':') }
  if (isDecimalComma) end += rest.length
  end += match(fractionPart, text, end)?.length ?? 0
  end += match(powerPart, text, end)?.length ?? 0
  end = skipScales(text, start, end)
  if (variableAfter.test(text.slice(end, end + 4)) || functionBefore.test(text.slice(Math.max(0, start - 8), start)))
    return { start, end, read: () => null, isPart: false }
  const numberEnd = end
  end += match(unitPart, text, end)?.length ?? 0
  const read = (): string | null => {
    const value = digits === null ? null : readNumber(text.slice(start, numberEnd))
    return value !== null && signBefore(text, start) ? negated(value) : value
  }
  return { start, end, read, isPart: false }
}

function skipScales(text: string, start: number, end: number): number {
  let at = end
  for (let found = match(scalePart, text, at); found !== null; found = match(scalePart, text, at)) {
    const word = found.replace(/^[ -]/, '')
    const isMoney = '$€£'.includes(text[start - 1] ?? ' ')
    if (scaleFactor(word, { isAttached: word.length === found.length, isMoney }) === null && !isScaleWord(word)) break
    at += found.length
  }
  return at
}

/** Whether a minus stands before a number: `x=-7` ends in -7, `9-7` in 7, `-$3` is -3. */
function signBefore(text: string, start: number): boolean {
  let before = start - 1
  while (before >= 0 && '$€£¥\\'.includes(text[before]!)) before--
  if (text[before] === '-') return !/[\p{L}\p{N})\]}%]/u.test(text[before - 1] ?? '')
  return /(?:^|[^\p{L}])(?:minus|negative)\s$/iu.test(text.slice(Math.max(0, before - 10), before + 1))
}

/** What makes a number one of an expression: a variable or a sign behind it, a root or a function before it. */
const variableAfter = /^(?:π|\\pi|√|[xyzi](?![\p{L}\p{N}]))/u
const functionBefore = /(?:√|\b(?:sqrt|log|ln|sin|cos|tan)[ (]{0,2})$/i

/** `5 feet 3 inches` */
const larger =
  'dollars?|euros?|pounds?|lbs?|feet|foot|ft|yards?|meters?|km|kilometers?|kg|kilograms?|hours?|hrs?|minutes?|mins?|days?|weeks?|months?|years?'
const smaller =
  'cents?|pence|ounces?|oz|inch(?:es)?|in|cm|centimeters?|grams?|g|meters?|minutes?|mins?|seconds?|secs?|hours?|days?|months?'
const compoundBetween = new RegExp(`^ ?(?:${larger}),? (?:and )?[$€£]?$`, 'i')
const compoundAfter = new RegExp(`^ ?(?:${smaller})\\b`, 'i')

/** What makes two numbers one calculation, range or ratio. */
const operator =
  /^[)\]}]{0,3}[ \t]*(?:(?!and\b|or\b)[\p{L}%]{0,9}[ \t]?){0,2}(?:[+*×·÷/-]|(?<= ):(?= )|\\times|\\cdot|\\div|\\pm|±|(?:x|X|choose|mod|times|plus|minus|to|through|divided by|multiplied by)(?=[ \t$(]|$))[ \t]*[($\\-]{0,2}[ \t]*$/u

function numbersOf(text: string, spans: readonly Span[]): NumberSpan[] {
  const joined = spans.map(({ end }, i) => {
    const next = spans[i + 1]
    if (next === undefined || next.start - end > 40) return false
    const between = text.slice(end, next.start)
    const isCompound = compoundBetween.test(between) && compoundAfter.test(text.slice(next.end, next.end + 20))
    return isCompound || operator.test(between)
  })
  const isBetween = spans.map(({ start }) => /\bbetween\s\$?$/i.test(text.slice(Math.max(0, start - 10), start)))
  return spans.map(({ start, end, read, isPart }, i) => {
    const isOneOfTwo = [joined, isBetween].some((flags) => flags[i] === true || flags[i - 1] === true)
    let known: string | null | undefined
    return {
      start,
      end,
      isPart: isPart || isOneOfTwo,
      get value() {
        if (known === undefined) known = read()
        return known
      },
    }
  })
}

function match(pattern: RegExp, text: string, at: number): string | null {
  pattern.lastIndex = at
  return pattern.exec(text)?.[0] ?? null
}
