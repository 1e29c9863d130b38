/**
 * Finds the numeric answer in what a model wrote. Numbers are returned in the normal form of answers/findNumbers.ts, so that
 * equal numbers are equal strings. Every function takes time linear in the length of the text, whatever it holds.
 */
import { lastBoxed } from './answers/boxed.js'
import { findNumbers } from './answers/findNumbers.js'
import type { NumberSpan } from './answers/findNumbers.js'
import { isNumbered } from './answers/headings.js'
import { readNumber } from './answers/readNumber.js'
import { offersAnother, withoutExplanation } from './answers/withoutExplanation.js'
import { plainCharacters } from './numbers/characters.js'
import { normalForm } from './numbers/fraction.js'
import { findNumberWords } from './numbers/numberWords.js'

export { readBareNumber, readNumber } from './answers/readNumber.js'

/**
 * What comes after the reasoning: everything behind the last `</think>`, or the whole text if it has no `<think>` either;
 * null if reasoning has begun, for the first time or again, and not ended.
 */
export function afterReasoning(text: string): string | null {
  const end = text.lastIndexOf('</think>')
  const rest = end < 0 ? text : text.slice(end + '</think>'.length)
  return rest.includes('<think>') ? null : rest
}

/**
 * Cuts out every repetition of the given texts; a line break keeps what was around them apart. A text that is one word or number
 * stays: it may well be a part of the answer, as the question 6 is of 36.
 */
export function withoutEcho(completion: string, ...echoed: readonly string[]): string {
  return echoed.reduce((text, echo) => (oneWord.test(echo) ? text : text.replaceAll(echo, '\n')), completion)
}

const oneWord = /^\s*[-−]?[\p{L}\p{N}.,]*\s*$/u

/**
 * The marked answer of a completion: the number of the last line `#### <number>` or the last `<answer><number></answer>`,
 * whichever comes later. A marker without exactly one number (see {@link readNumber}), such as the heading `#### 2. Multiply`, is
 * passed over. Null as well if the text takes the answer back behind it (see {@link isTakenBack}).
 */
export function extractMarkedAnswer(text: string): string | null {
  const marks = [/^[ \t]*####(?!#)(.*)$/gm, /<answer>([^<]*)<\/answer>/g].flatMap((form) => [...text.matchAll(form)])
  for (const mark of marks.toSorted((a, b) => b.index - a.index).slice(0, MAX_MARKS)) {
    const number = readNumber(lastBoxed(mark[1]!) ?? mark[1]!)
    if (number !== null) return isTakenBack(text.slice(mark.index + mark[0].length)) ? null : number
  }
  return null
}

/** Of more marks only the last ones are looked at. */
export const MAX_MARKS = 100

/** Whether what follows an answer changes its mind and announces another one: `Wait, that is wrong. The answer is 18.` */
export function isTakenBack(rest: string): boolean {
  const change = rest.search(changeOfMind)
  return change >= 0 && rest.slice(change).search(announcement) >= 0
}

/** An answer in running text is looked for in so many characters at the end. */
const MAX_TAIL = 20_000

/** Where an answer is announced: `The answer is`, `**Answer:**`, `Final answer =`. */
export const announcement =
  /\banswers?\b(?:\s+(?:to|for)\s[^.\n:=]{1,80}?)?[ \t*_]*(?:(?:is|are|was|equals|(?:would|will|should|must|has to) be|comes (?:out )?to)\b[ \t*_]*:?|[:=])[ \t*_]*/gi

/** Words by which a text takes back what it said before. */
export const changeOfMind =
  /\b(?:wait|actually|correction|mistake|wrong|incorrect|sorry|oops|hold on|let me (?:re|try|check|correct|fix|double)|hmm|scratch that|on second thought|instead)\b/i

/** The end of a text, in plain characters. A cut does not fall into a number. */
function tailOf(text: string): string {
  return plainCharacters(text.length > MAX_TAIL ? text.slice(-MAX_TAIL).replace(/^\S*/, '') : text)
}

/**
 * The number that a completion announces as its answer: the last `\boxed{…}`, or what follows the last `the answer is` or
 * `Answer:`. If the text changes its mind after that (`wait`, `actually` …), its last number counts. Null if nothing is
 * announced, or what is announced is no number, as in `The answer is $5\sqrt{2}$`.
 */
export function extractAnnouncedAnswer(completion: string): string | null {
  return announcedAnswer(completion)?.number ?? null
}

/** What is announced; null if nothing is. */
export function announcedAnswer(completion: string): { readonly number: string | null } | null {
  const text = tailOf(completion)
  const announced = [...text.matchAll(announcement)].at(-1)
  const boxed = lastBoxed(text)
  const boxPosition = boxed === null ? -1 : Math.max(text.lastIndexOf('\\boxed'), text.lastIndexOf('\\fbox'))
  if (boxed !== null && boxPosition > (announced?.index ?? -1)) {
    return { number: changeOfMind.test(text.slice(boxPosition)) ? lastNumber(text) : readNumber(boxed) }
  }
  if (announced === undefined) return null
  const rest = text.slice(announced.index + announced[0].length)
  if (changeOfMind.test(rest)) return { number: lastNumber(rest) ?? lastNumber(text) }
  return { number: numberOfPhrase(firstSentence(rest)) }
}

/** The number of a short announcement: the one that it is, or its first one, or of an equation the one after the last `=`. */
function numberOfPhrase(phrase: string): string | null {
  const whole = readNumber(phrase)
  if (whole !== null) return whole
  const claim = withoutExplanation(phrase) ?? phrase
  const text = claim.slice(claim.lastIndexOf('=') + 1)
  const numbers = findNumbers(text)
  const index = numbers.findIndex((number) => !isNegated(text, number))
  if (index < 0) return wordsOf(text)
  const [number, next] = [numbers[index]!, numbers[index + 1]]
  if (/\b(?:if|unless|otherwise|else|depend(?:s|ing))\b/i.test(text)) return null
  const isOneOfSeveral =
    next !== undefined &&
    (isAlternative(text, number, next) || isListed(text, number, next) || isBeside(text, number, next))
  return isOneOfSeveral || number.isPart ? null : number.value
}

/** Up to the end of the sentence or line; white space and emphasis before it do not count. */
export function firstSentence(text: string): string {
  const start = Math.max(0, text.search(/[^\s*_#:]/))
  const rest = text.slice(start, start + 400)
  // The box of a formula may go over several lines.
  const end = /^(?:\$\$|\\\[)/.test(rest) ? -1 : rest.search(/\n|[.!?](?=["')*]*(?:\s|$))/)
  return end < 0 ? rest : rest.slice(0, end)
}

/**
 * The last number of a text. A minus is its sign unless it follows a letter, digit or closing bracket: `x=-7` ends in -7.
 * Passed over are digits that belong to a word or make no number, as in `x2`, `1.2.3` or `1,1,1`, numbers that the text denies
 * (`not 18`), and remarks in brackets behind a number. Null if the last number is only a part of something (`9 - 7`, `12:30`,
 * `x^2`, `17 to 18`), or one of several that the text offers: `17 or 18`, `15, 16, 17, 18`. A text without any digit answers
 * with its last number in words.
 */
export function extractLastNumber(completion: string): string | null {
  return lastNumber(tailOf(completion))
}

function lastNumber(text: string): string | null {
  const numbers = findNumbers(text)
  for (let i = numbers.length - 1; i >= 0; i--) {
    const number = numbers[i]!
    if ((number.value === null && number.isPart) || isNegated(text, number) || isListMark(text, number)) continue
    const [previous, beforePrevious] = [numbers[i - 1], numbers[i - 2]]
    if (previous && (isAlternative(text, previous, number) || isBeside(text, previous, number))) return null
    if (previous && isRemark(text, previous, number)) {
      if (offersAnother(/^[^(]*\(([^)\n]*)/.exec(text.slice(previous.end))?.[1] ?? '')) return null
      continue
    }
    if (previous && beforePrevious && isListed(text, beforePrevious, previous) && isListed(text, previous, number))
      return null
    return number.isPart ? null : number.value
  }
  return numbers.length === 0 ? wordsOf(text) : null
}

/** `one` alone is a pronoun more often than an answer. */
function wordsOf(text: string): string | null {
  const words = findNumberWords(text.slice(-2000)).at(-1)
  const value = words?.value == null ? null : normalForm(words.value)
  return value === '1' && text.trim().length > 10 ? null : value
}

function isNegated(text: string, { start, end }: NumberSpan): boolean {
  const before = text.slice(Math.max(0, start - 30), start)
  if (/^[ *_$]*(?:is|was) (?:wrong|incorrect|not|no)\b/i.test(text.slice(end, end + 30))) return true
  if (bound.test(before)) return true
  return /(?:\b(?:not|never|isn't|wasn't|cannot be|can't be|rather than|instead of)|≠|\\neq?)(?: (?:a|an|the|exactly|equal to|just|be))?[\s$\\(*_-]*$/i.test(
    before,
  )
}

/** What a number is compared with is not it: `x < 18`, `twice 18`. */
const bound =
  /(?:[≤≥]|(?:^|\s)[a-z] ?[<>]=?|\\(?:leq?|geq?|lt|gt)(?![a-z])|\b(?:(?:less|more|fewer|greater|other) than|half of|twice|double|anything but|except|opposite of))[\s$\\(*_-]*$/i

/** Whether a number stands in brackets that follow another one: `18 (9 eggs at $2)`. */
function isRemark(text: string, previous: NumberSpan, number: NumberSpan): boolean {
  const before = text.slice(Math.max(previous.end, number.start - 200), number.start)
  const open = before.lastIndexOf('(')
  return open >= 0 && !before.includes(')', open) && !/[\n.!?]\s/.test(before.slice(0, open)) && previous.value !== null
}

/** Whether a text leaves it open which of two neighbouring numbers it means: `17 or 18`. */
function isAlternative(text: string, left: NumberSpan, right: NumberSpan): boolean {
  const between = text.slice(left.end, right.start)
  return (
    left.value !== right.value &&
    between.length <= 40 &&
    /^\W*(?:[\p{L}$]+ ){0,2}\W*or(?: maybe| perhaps| possibly| even)?\W*$/iu.test(between)
  )
}

/** Whether a number is that of a step or a list, at the beginning of its line: `2. Multiply`. */
function isListMark(text: string, { start, end }: NumberSpan): boolean {
  const line = text.lastIndexOf('\n', start - 1) + 1
  return start - line < 20 && isNumbered(text.slice(line, end + 40)) && !/\d/.test(text.slice(line, start))
}

/** Whether two different numbers stand beside each other with nothing between them that says which one counts: `17, 18`. */
function isBeside(text: string, left: NumberSpan, right: NumberSpan): boolean {
  const between = text.slice(left.end, right.start)
  return (
    left.value !== null &&
    left.value !== right.value &&
    between.length <= 10 &&
    (/^[ \t]*(?:[,;|~]|and|\.{2,}|vs\.?)?[ \t]*$/.test(between) || (/^ ?\($/.test(between) && text[right.end] === ')'))
  )
}

/** Whether two numbers stand beside each other as in a list of guesses. */
function isListed(text: string, left: NumberSpan, right: NumberSpan): boolean {
  return right.start - left.end <= 10 && /^[\s,;|]*(?:and|or)?[\s,;|]*$/.test(text.slice(left.end, right.start))
}
