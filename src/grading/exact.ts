import { withoutEcho } from './answerExtraction.js'
import type { Grade, Problem } from './problem.js'
import { markedAnswer } from './markedAnswer.js'

/**
 * Grades answers that have to be the same text, but for case, space, and a point or quotes around it. Strict: the marked answer
 * (see {@link markedAnswer}). Lenient: else the last line.
 */
export function exactGrader(completion: string, problem: Problem, promptText = ''): Grade {
  const text = withoutEcho(completion, promptText, problem.question)
  const marked = markedAnswer(text)
  const extracted =
    marked ??
    text
      .trim()
      .split('\n')
      .at(-1)!
      .replace(/^.*\banswer(?:\s+is)?\s*:?\s*/i, '')
      .trim()
  const isRight = normalized(extracted) === normalized(problem.answer)
  return {
    correct: marked !== null && isRight,
    correctLenient: isRight,
    extracted: extracted === '' ? null : extracted,
  }
}

function normalized(text: string): string {
  return text
    .replace(/\\text\{([^{}]*)\}/g, '$1')
    .toLowerCase()
    .replace(/\s+/g, ' ')
    .trim()
    .replace(/^["'`*]+|["'`*.]+$/g, '')
}
