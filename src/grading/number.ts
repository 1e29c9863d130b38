import { DataError } from '../errors.js'
import {
  afterReasoning,
  announcedAnswer,
  extractLastNumber,
  extractMarkedAnswer,
  isTakenBack,
  MAX_MARKS,
  readNumber,
  withoutEcho,
} from './answerExtraction.js'
import { formsOf, marksIn } from './answerForm.js'
import type { AnswerForm } from './answerForm.js'
import type { Grade, Problem } from './problem.js'

/**
 * Grades a completion of a problem whose answer is a number, such as those of GSM8K.
 *
 * Strict: the last number in the problem's `answerForm`, without one the last line `#### <number>` or
 * `<answer><number></answer>`, after the reasoning (behind `</think>`, if there is a `<think>`). Lenient: that answer if there is one, otherwise the one that the text announces (`\boxed{18}`, `The answer is 18`, `**Answer: 18**`),
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
  const text = withoutAskedScale(withoutEcho(completion, promptText, problem.question), problem.question)
  const final = afterReasoning(text)
  const strict = strictAnswer(problem.answerForm === 'bare' ? completion : text, problem)
  const extracted = strict ?? extractAnyAnswer(final ?? '') ?? extractAnyAnswer(text)
  return { correct: strict === gold, correctLenient: extracted === gold, extracted }
}

/** Where a question asks for dozens or millions, 7 of them are 7. */
function withoutAskedScale(text: string, question: string): string {
  const asked =
    /\bhow many (?:more )?(dozen|hundred|thousand|million|billion)s?\b|\bin (dozen|thousand|million|billion)s\b/i.exec(
      question,
    )
  return asked === null ? text : text.replace(new RegExp(`\\b${(asked[1] ?? asked[2])!}s?\\b`, 'gi'), ' ')
}

const numberForms: readonly AnswerForm[] = ['gsm8k', 'think']

grade.isAnswer = isNumberAlone
grade.forms = numberForms
grade.checksGold = true

/** The last marked number; a mark without exactly one number is passed over, and so is one that the text takes back. */
function strictAnswer(text: string, problem: Problem): string | null {
  const final = afterReasoning(text) ?? ''
  const marks = marksIn(final, formsOf(problem, numberForms))
  const isAlone = problem.answerForm === 'bare' ? isNumberAlone : () => true
  for (const { start, content } of marks.slice(-MAX_MARKS).toReversed()) {
    const number = isAlone(content) ? readNumber(content) : null
    if (number !== null) return isTakenBack(final.slice(start)) ? null : number
  }
  return null
}

/** Whether a text is one number, with its sign and currency, and no words or calculations. */
function isNumberAlone(text: string): boolean {
  return readNumber(text) !== null && !/[\p{L}=≈]/u.test(text.replace(/\\[A-Za-z]+/g, ''))
}

function extractAnyAnswer(text: string): string | null {
  const marked = extractMarkedAnswer(text)
  if (marked !== null) return marked
  const announced = announcedAnswer(text)
  return announced === null ? extractLastNumber(text) : announced.number
}
