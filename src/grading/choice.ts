import { withoutEcho } from './answerExtraction.js'
import { formsOf, markedAnswer } from './answerForm.js'
import type { Grade, Grader, Problem } from './problem.js'

/** The answers of a question, each with other words for it. */
export type Choices = Readonly<Record<string, readonly string[]>>

export const yesOrNo: Choices = {
  yes: ['yes', 'valid', 'true', 'correct', 'it follows'],
  no: ['no', 'not', 'invalid', 'false', 'incorrect', 'cannot', "can't", "doesn't", 'does not follow'],
}

/**
 * Grades answers that are one of a few words. Strict: the marked answer begins with the right word or another
 * word for it, and names no other choice. Lenient: else an answer marked in another form, else what follows the last `answer:` or
 * `answer is`, or else the first word of the text or of its last sentence. What names two choices alike is no answer.
 */
export function choiceGrader(choices: Choices): Grader {
  const read = choiceReader(choices)
  const grade = (completion: string, problem: Problem, promptText = ''): Grade => {
    const gold = read(problem.answer)
    const text = withoutEcho(completion, promptText, problem.question)
    const inForm = markedAnswer(text, formsOf(problem))
    const strict = inForm === null ? null : read(inForm)
    const marked = inForm ?? markedAnswer(text)
    const extracted = marked === null ? findChoice(text, read) : read(marked)
    return {
      correct: strict !== null && strict === gold,
      correctLenient: extracted !== null && extracted === gold,
      extracted,
    }
  }
  return Object.assign(grade, { isAnswer: (text: string) => read(text) !== null, checksGold: true })
}

/** A text with more words is no answer. */
const MAX_WORDS = 200

/** Reads the one choice that a short text names; at the beginning of a text, the one that it begins with. */
function choiceReader(choices: Choices): (text: string) => string | null {
  // What is in no name parts words, so that `A/B` and `A [B]` name two.
  const inNames = new Set(
    Object.entries(choices)
      .flatMap(([choice, names]) => [choice, ...names].join(''))
      .join(''),
  )
  const plainWords = (text: string): string[] =>
    wordsOf(text).flatMap((word) =>
      Array.from(word, (character) =>
        /[\p{L}\p{M}\p{N}]/u.test(character) || inNames.has(character) ? character : ' ',
      )
        .join('')
        .split(' ')
        .filter((part) => part !== ''),
    )
  const byName = new Map<string, string>()
  for (const [choice, names] of Object.entries(choices)) {
    for (const name of names.map((each) => plainWords(each).join(' '))) if (name !== '') byName.set(name, choice)
  }
  const byItself = new Map(Object.keys(choices).map((choice) => [plainWords(choice).join(' '), choice]))
  const longest = Math.max(0, ...[...byName.keys()].map((name) => name.split(' ').length))
  /** Of `new` and `new york` it is the longer one that is named. */
  const nameAt = (words: readonly string[], known: ReadonlyMap<string, string>): string | undefined =>
    Array.from({ length: longest }, (_, i) => words.slice(0, longest - i).join(' ')).find((name) => known.has(name))

  return (text) => {
    const words = plainWords(text)
    const name = nameAt(words, byName)
    if (name === undefined) return null
    const choice = byName.get(name)!
    const rest = words.slice(name.split(' ').length)
    if (rest.length > MAX_WORDS) return null
    // `3 or 77` leaves it open, and `not invalid` is no way to say no.
    if (rest[0] === 'or' || (name === 'not' && byName.get(nameAt(rest, byName) ?? '') === choice)) return null
    const isAmbiguous = rest.some(
      (_, i) => (byItself.get(nameAt(rest.slice(i, i + longest), byItself) ?? '') ?? choice) !== choice,
    )
    return isAmbiguous ? null : choice
  }
}

/** The words of a text in lower case, without punctuation, emphasis and LaTeX around them. */
function wordsOf(text: string): string[] {
  return text
    .normalize('NFKC')
    .toLowerCase()
    .replace(/[*_`"'().,:;!$]|\\text|[{}]/g, ' ')
    .split(/\s+/)
    .filter((word) => word !== '')
}

function findChoice(text: string, read: (text: string) => string | null): string | null {
  const announced = [...text.matchAll(/\banswer(?:\s+is)?\s*:?\s*\**\s*([^\n]*)/gi)].at(-1)?.[1]
  const sentences = text.split(/(?<=[.!?])\s+|\n+/).filter((sentence) => sentence.trim() !== '')
  const conclusion = sentences.at(-1)?.replace(/^(?:therefore|thus|so|hence|in conclusion)\W+/i, '')
  for (const candidate of [announced, conclusion, sentences[0]]) {
    const choice = candidate === undefined ? null : read(candidate)
    if (choice !== null) return choice
  }
  return null
}
