import { DataError } from '../errors.js'
import {
  afterReasoning,
  extractAnnouncedAnswer,
  extractLastNumber,
  extractMarkedAnswer,
  readBareNumber,
  readNumber,
  withoutEcho,
} from './answerExtraction.js'
import { lastBoxed } from './answers/boxed.js'
import type { Grade, Problem } from './problem.js'

/**
 * Grades a completion of a problem whose answer is a number, such as those of GSM8K.
 *
 * Strict: the last line `#### <number>` or `<answer><number></answer>` after the reasoning (behind `</think>`, if there is a
 * `<think>`); if the problem's `answerFormat` is `boxed`, the last `\boxed{18}`, or, if it is `bare`, a completion that is a
 * number and nothing else. Lenient: that
 * answer if there is one, otherwise the one that the text announces (`\boxed{18}`, `The answer is 18`, `**Answer: 18**`),
 * otherwise its last number; numbers that the text denies (`not 18`) or leaves open (`17 or 18`) do not count. So there is
 * always one answer at most, and what is correct is also leniently correct. Numbers must be equal exactly: 1,000 = $1000.00,
 * 3/4 = 0.75, but 50% is 50 and not 0.5. Repetitions of the question, and of the whole prompt if it is given, do not count as
 * part of the completion.
 *
 * Throws a {@link DataError} if the gold answer is not a number.
 */
export function grade(completion: string, problem: Problem, promptText = ''): Grade {
  const gold = readNumber(problem.answer)
  if (gold === null) {
    throw new DataError(`problem ${problem.id} has the answer '${problem.answer}', but only numbers can be graded`)
  }
  const text = withoutEcho(completion, promptText, problem.question)
  const final = afterReasoning(text)
  const strict = problem.answerFormat === 'bare' ? readBareNumber(completion) : extractStrict(final ?? '', problem)
  const extracted = strict ?? extractAnyAnswer(final ?? '') ?? extractAnyAnswer(text)
  return { correct: strict === gold, correctLenient: extracted === gold, extracted }
}

function extractStrict(text: string, { answerFormat }: Problem): string | null {
  return answerFormat === 'boxed' ? readNumber(lastBoxed(text) ?? '') : extractMarkedAnswer(text)
}

function extractAnyAnswer(text: string): string | null {
  return extractMarkedAnswer(text) ?? extractAnnouncedAnswer(text) ?? extractLastNumber(text)
}

/** Grades a completion with its problem's own grader, or as a number with {@link grade}. */
export function gradeOf(completion: string, problem: Problem, promptText?: string): Grade | Promise<Grade> {
  return (problem.grader ?? grade)(completion, problem, promptText)
}
