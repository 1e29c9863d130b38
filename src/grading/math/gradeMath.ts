import { formsOf, marksIn } from '../answerForm.js'
import type { AnswerForm } from '../answerForm.js'
import type { Grade, Problem } from '../problem.js'
import {
  afterReasoning,
  announcedAnswer,
  announcement,
  changeOfMind,
  extractLastNumber,
  firstSentence,
  isTakenBack,
  withoutEcho,
} from '../answerExtraction.js'
import { lastBoxed } from '../answers/boxed.js'
import { readAnswer } from '../answers/readAnswer.js'
import { withoutExplanation } from '../answers/withoutExplanation.js'
import { mathEqual } from './mathEqual.js'
import type { MathEqualOptions } from './mathEqual.js'

/** How a completion of a mathematical problem is graded. */
export interface GradeMathOptions extends MathEqualOptions {
  /** Texts, such as the question or the whole prompt, whose repetition is no answer. */
  echoed?: readonly string[]
  /** The only form in which an answer is strictly right. Defaults to `boxed` or `think`. */
  answerForm?: AnswerForm
}

/**
 * Grades a completion of a problem whose answer is a mathematical expression, such as those of MATH.
 *
 * Strict: the last `\boxed{…}` or `<answer>…</answer>` after the reasoning (behind `</think>`, if there is a `<think>`), or the
 * answer in the form that is asked for.
 * Lenient: that answer if there is one, otherwise what follows `####`, `the answer is` or `Answer:`, otherwise the last
 * formula between dollar signs or brackets of LaTeX (of an equation its right side), otherwise the last number. Only one
 * answer is ever compared (see {@link mathEqual}).
 *
 * @param answer the gold answer; of a whole solution, what is in its last `\boxed{…}` or after `####`
 */
export function gradeMath(completion: string, answer: string, options: GradeMathOptions = {}): Grade {
  const gold = goldOf(answer)
  const text = withoutEcho(completion, ...(options.echoed ?? []))
  const final = afterReasoning(text)
  const strict = strictAnswer(text, options)
  const isNumber = isNumeric(gold)
  const extracted = strict ?? extractAny(final ?? '', isNumber) ?? extractAny(text, isNumber)
  const correctLenient = extracted !== null && mathEqual(extracted, gold, options)
  return { correct: strict !== null && correctLenient, correctLenient, extracted }
}

const mathForms: readonly AnswerForm[] = ['boxed', 'think']

/** The grader of problems whose answers are mathematical expressions. */
export function mathGrader(completion: string, problem: Problem, promptText = ''): Grade {
  return gradeMath(completion, problem.answer, {
    echoed: [promptText, problem.question],
    ...(problem.answerForm !== undefined && { answerForm: problem.answerForm }),
  })
}

mathGrader.forms = mathForms
mathGrader.checksGold = true

/** What is marked last, unless it is nothing or the text takes it back. */
function strictAnswer(text: string, options: GradeMathOptions): string | null {
  const final = afterReasoning(text) ?? ''
  const marked = marksIn(final, formsOf(options, mathForms)).at(-1)
  return marked === undefined || marked.content === '' || isTakenBack(final.slice(marked.start)) ? null : marked.content
}

function isNumeric(answer: string): boolean {
  const read = readAnswer(answer)
  return read.kind === 'value' && read.formula.kind === 'number'
}

function goldOf(answer: string): string {
  const marked = answer.lastIndexOf('####')
  return lastBoxed(answer) ?? (marked < 0 ? answer : answer.slice(marked + 4)).trim()
}

function extractAny(text: string, isNumber: boolean): string | null {
  const inForm = marksIn(text, mathForms).at(-1)
  const isKept = inForm !== undefined && inForm.content !== '' && !isTakenBack(text.slice(inForm.start))
  if (isKept) return inForm.content
  const marked = [...text.matchAll(/^[ \t]*####[ \t]*(\S.*)$/gm)].at(-1)?.[1]
  if (marked !== undefined) return (withoutExplanation(marked) ?? marked).trim()
  if (!isNumber) return announcedFormula(text) ?? lastFormula(text, false) ?? extractLastNumber(text)
  const announced = announcedAnswer(text)
  if (announced !== null) return announced.number ?? announcedFormula(text)
  return lastFormula(text, true) ?? extractLastNumber(text) ?? lastFormula(text, false)
}

/** What follows the last `the answer is` or `Answer:`, unless the text changes its mind after that. */
function announcedFormula(text: string): string | null {
  const announced = [...text.matchAll(announcement)].at(-1)
  if (!announced) return null
  const rest = text.slice(announced.index + announced[0].length)
  if (changeOfMind.test(rest)) return null
  const formula =
    /^[\s*_:]*(?:(?:therefore|thus|simply|equal to|just)\s+)?(?:\$\$?([^$]+)\$|\\\((.+?)\\\)|\\\[(.+?)\\\])/s.exec(
      rest.slice(0, 1000),
    )
  const content = formula ? (formula[1] ?? formula[2] ?? formula[3]!) : firstSentence(rest).replace(/\*\*|__/g, '')
  const answer = content.trim().replace(/^(?:therefore|thus|simply|equal to|just)\s+/, '')
  return answer === '' ? null : answer
}

/** The last formula of a text; of an equation its right side. With `isNumber` only one that is a number. */
function lastFormula(text: string, isNumber: boolean): string | null {
  const tail = text.slice(-4000)
  const formula = [...tail.matchAll(/\$\$?([^$]+)\$\$?|\\\(((?:(?!\\\)).)+)\\\)|\\\[((?:(?!\\\]).)+)\\\]/gs)].at(-1)
  if (!formula) return null
  const content = (formula[1] ?? formula[2] ?? formula[3]!).trim()
  const answer = content.slice(content.lastIndexOf('=') + 1).trim()
  return answer === '' || (isNumber && !isNumeric(answer)) ? null : answer
}
