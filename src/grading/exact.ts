import { withoutEcho } from './answerExtraction.js'
import type { Grade, Problem } from './problem.js'
import { formsOf, markedAnswer } from './answerForm.js'

/**
 * Grades answers that have to be the same text, but for case, space, and a point or quotes around it. Strict: the marked answer.
 * Lenient: else an answer marked in another form, else the last line.
 */
export function exactGrader(completion: string, problem: Problem, promptText = ''): Grade {
  const text = withoutEcho(completion, promptText, problem.question)
  const strict = markedAnswer(text, formsOf(problem))
  const extracted =
    strict ??
    markedAnswer(text) ??
    text
      .trim()
      .split('\n')
      .at(-1)!
      .replace(/^.*\banswer(?:\s+is)?\s*:?\s*/i, '')
      .trim()
  const gold = normalized(problem.answer)
  const isRight = gold !== '' && normalized(extracted) === gold
  return {
    correct: strict !== null && isRight,
    correctLenient: isRight,
    extracted: extracted === '' ? null : extracted,
  }
}

exactGrader.checksGold = true

function normalized(text: string): string {
  const plain = text
    .normalize('NFC')
    .replace(/\\text\{([^{}]*)\}/g, '$1')
    .toLowerCase()
    .replace(/\s+/g, ' ')
    .trim()
  let [start, end] = [0, plain.length]
  // A regular expression that ends with `+$` looks at each run of quotes once for each of its characters.
  while (start < end && `"'\`*`.includes(plain[start]!)) start++
  while (end > start && `"'\`*.`.includes(plain[end - 1]!)) end--
  return plain.slice(start, end)
}
