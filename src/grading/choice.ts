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
 * word for it, and names no other choice. Lenient: else an answer marked in another form, else what follows the last `answer:` or `answer is`, or
 * else the first word of the text or of its last sentence. What names two choices alike is no answer.
 */
export function choiceGrader(choices: Choices): Grader {
  const grade = (completion: string, problem: Problem, promptText = ''): Grade => {
    const gold = readChoice(problem.answer, choices)
    const text = withoutEcho(completion, promptText, problem.question)
    const inForm = markedAnswer(text, formsOf(problem))
    const strict = inForm === null ? null : readChoice(inForm, choices)
    const marked = inForm ?? markedAnswer(text)
    const extracted = marked === null ? findChoice(text, choices) : readChoice(marked, choices)
    return {
      correct: strict !== null && strict === gold,
      correctLenient: extracted !== null && extracted === gold,
      extracted,
    }
  }
  return Object.assign(grade, { isAnswer: (text: string) => readChoice(text, choices) !== null })
}

/** The one choice that a short text names; at the beginning of a text, the one that it begins with. */
export function readChoice(text: string, choices: Choices): string | null {
  const words = text
    .toLowerCase()
    .replace(/[*_`"'().,:;!$]|\\text|[{}]/g, ' ')
    .replace(/\s+/g, ' ')
    .trim()
  for (const [choice, names] of Object.entries(choices)) {
    const isNamed = (text: string): boolean => names.some((name) => text === name || text.startsWith(`${name} `))
    const name = names.find((each) => words === each || words.startsWith(`${each} `))
    if (name === undefined) continue
    const rest = words.slice(name.length).trim()
    // `3 or 77` leaves it open, and `not invalid` is no way to say no.
    if (/^or\b/.test(rest) || (name === 'not' && isNamed(rest))) return null
    const others = Object.entries(choices).filter(([other]) => other !== choice)
    const isAmbiguous = others.some(([other]) => ` ${words} `.includes(` ${other} `))
    return isAmbiguous ? null : choice
  }
  return null
}

function findChoice(text: string, choices: Choices): string | null {
  const announced = [...text.matchAll(/\banswer(?:\s+is)?\s*:?\s*\**\s*([^\n]*)/gi)].at(-1)?.[1]
  const sentences = text.split(/(?<=[.!?])\s+|\n+/).filter((sentence) => sentence.trim() !== '')
  const conclusion = sentences.at(-1)?.replace(/^(?:therefore|thus|so|hence|in conclusion)\W+/i, '')
  for (const candidate of [announced, conclusion, sentences[0]]) {
    const choice = candidate === undefined ? null : readChoice(candidate, choices)
    if (choice !== null) return choice
  }
  return null
}
