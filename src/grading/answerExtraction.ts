/**
 * Finds the numeric answer in what a model wrote. Numbers are returned in the normal form of answers/numbers.ts, so that
 * equal numbers are equal strings. Every function takes time linear in the length of the text, whatever it holds.
 */
import { lastBoxed } from './answers/boxed.js'
import { findNumbers, isNegative, readNumber, withSign } from './answers/numbers.js'
import type { NumberSpan } from './answers/numbers.js'
import { findNumberWords } from './answers/numberWords.js'

export { readBareNumber, readNumber } from './answers/numbers.js'

/**
 * What comes after the reasoning: everything behind the last `</think>`, or the whole text if it has no `<think>` either;
 * null if reasoning has begun and not ended.
 */
export function afterReasoning(text: string): string | null {
  const end = text.lastIndexOf('</think>')
  if (end >= 0) return text.slice(end + '</think>'.length)
  return text.includes('<think>') ? null : text
}

/** Cuts out every repetition of the given texts; a line break keeps what was around them apart. */
export function withoutEcho(completion: string, ...echoed: readonly string[]): string {
  return echoed.reduce((text, echo) => (echo.trim() === '' ? text : text.replaceAll(echo, '\n')), completion)
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
      const number = match.index > position ? readNumber(lastBoxed(match[1]!) ?? match[1]!) : null
      if (number === null) continue
      answer = number
      position = match.index
    }
  }
  return answer
}

/** An answer in running text is looked for in so many characters at the end. */
const MAX_TAIL = 20_000

/** Where an answer is announced: `The answer is`, `**Answer:**`, `Final answer =`. */
export const announcement =
  /\banswer\b(?:\s+(?:to|for)\s[^.\n:=]{1,80}?)?[ \t*_]*(?:(?:is|was|equals|(?:would|will|should|must|has to) be|comes (?:out )?to)\b[ \t*_]*:?|[:=])[ \t*_]*/gi

/** Words by which a text takes back what it said before. */
export const changeOfMind =
  /\b(?:wait|actually|correction|mistake|wrong|incorrect|sorry|oops|hold on|let me (?:re|try|check|correct|fix|double)|hmm|scratch that|on second thought|instead)\b/i

/**
 * The number that a completion announces as its answer: the last `\boxed{…}`, or what follows the last `the answer is` or
 * `Answer:`. If the text changes its mind after that (`wait`, `actually` …), its last number counts. Null if nothing is
 * announced.
 */
export function extractAnnouncedAnswer(completion: string): string | null {
  const text = completion.slice(-MAX_TAIL)
  const announced = [...text.matchAll(announcement)].at(-1)
  const boxed = lastBoxed(text)
  const boxPosition = boxed === null ? -1 : Math.max(text.lastIndexOf('\\boxed'), text.lastIndexOf('\\fbox'))
  if (boxed !== null && boxPosition > (announced?.index ?? -1)) {
    return changeOfMind.test(text.slice(boxPosition)) ? extractLastNumber(text) : answerOfPhrase(boxed)
  }
  if (announced === undefined) return null
  const rest = text.slice(announced.index + announced[0].length)
  if (changeOfMind.test(rest)) return extractLastNumber(rest) ?? extractLastNumber(text)
  return answerOfPhrase(firstSentence(rest))
}

/** The number of a short announcement: the first one, or of an equation the one after the last `=`. */
function answerOfPhrase(phrase: string): string | null {
  const equals = phrase.lastIndexOf('=')
  const text = phrase.slice(equals + 1)
  const numbers = findNumbers(text)
  const index = numbers.findIndex((number) => !isNegated(text, number))
  if (index < 0) return wordsOf(text)
  const next = numbers[index + 1]
  if (next && isAlternative(text, numbers[index]!, next)) return null
  return signed(text, numbers[index]!)
}

/** Up to the end of the sentence or line; white space and emphasis before it do not count. */
export function firstSentence(text: string): string {
  const start = text.search(/[^\s*_#:]/)
  const rest = text.slice(Math.max(0, start), Math.max(0, start) + 400)
  const end = rest.search(/\n|[.!?](?=\s|$)/)
  return end < 0 ? rest : rest.slice(0, end)
}

/**
 * The last number of a text. A minus is its sign unless it follows a letter, digit or closing bracket: `x=-7` ends in -7,
 * `9-7` in 7. Passed over are digits that make no number, as in `1.2.3` or `1,1,1`, and numbers that the text denies
 * (`not 18`). Null if the last number is one of several that the text offers: `17 or 18`, `15, 16, 17, 18`. A text without
 * any digit answers with its last number in words.
 */
export function extractLastNumber(completion: string): string | null {
  // A cut may not fall into a number.
  const text = completion.length > MAX_TAIL ? completion.slice(-MAX_TAIL).replace(/^\S*/, '') : completion
  const numbers = findNumbers(text)
  for (let i = numbers.length - 1; i >= 0; i--) {
    const number = numbers[i]!
    if (number.value === null || isNegated(text, number)) continue
    const [previous, beforePrevious] = [numbers[i - 1], numbers[i - 2]]
    if (previous && isAlternative(text, previous, number)) return null
    if (previous && beforePrevious && isListed(text, beforePrevious, previous) && isListed(text, previous, number))
      return null
    return signed(text, number)
  }
  return numbers.length === 0 ? wordsOf(text) : null
}

function signed(text: string, number: NumberSpan): string | null {
  return number.value === null ? null : withSign(number.value, isNegative(text, number))
}

/** `one` alone is a pronoun more often than an answer. */
function wordsOf(text: string): string | null {
  const words = findNumberWords(text.slice(-2000)).at(-1)
  return words === undefined || (words.value === '1' && text.trim().length > 10) ? null : words.value
}

function isNegated(text: string, { start }: NumberSpan): boolean {
  const before = text.slice(Math.max(0, start - 30), start)
  return /(?:\b(?:not|never|isn't|isn’t|wasn't|cannot be|can't be|rather than|instead of)|≠|\\neq?)(?: (?:a|an|the|exactly|equal to|just|be))?[\s$\\(*_\-−]*$/i.test(
    before,
  )
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

/** Whether two numbers stand beside each other as in a list of guesses. */
function isListed(text: string, left: NumberSpan, right: NumberSpan): boolean {
  return right.start - left.end <= 10 && /^[\s,;|]*(?:and|or)?[\s,;|]*$/.test(text.slice(left.end, right.start))
}
