import { quote } from '../io/json.js'
import { thrownMessage } from '../io/thrown.js'
import { announcement } from './answerExtraction.js'
import { answerFormRules, answerForms, markingForms, marksIn } from './answerForm.js'
import type { AnswerForm } from './answerForm.js'
import { graderOf } from './gradeOf.js'
import { mathGrader } from './math/gradeMath.js'
import type { Grade, Problem } from './problem.js'

/** The final answer in a text that holds a whole solution, and the steps before it. */
export interface WorkedAnswer {
  readonly steps: string
  readonly answer: string
}

/**
 * The final answer in a text that holds a whole solution, where that is clear: it marks exactly one answer, behind `####`
 * (GSM8K), in `\boxed{…}` (MATH) or in `<answer>…</answer>`, in its last line. Null for any other text.
 */
export function workedAnswer(text: string): WorkedAnswer | null {
  const marks = marksIn(text, markingForms)
  const [mark] = marks
  if (mark === undefined || marks.length > 1 || mark.content === '') return null
  if (text.slice(mark.start).trim().includes('\n')) return null
  const isBox = answerFormRules.boxed.find(text).length > 0
  return { steps: isBox ? text.trim() : text.slice(0, mark.start).trim(), answer: mark.content }
}

/** What is wrong with a gold answer. */
export interface GoldFault {
  /** For the end of a sentence that begins with its row: `has the answer 'N/A', …` */
  readonly reason: string
  /** What to do about it. */
  readonly advice: string
}

/**
 * Why no completion can be right for a problem; null if one can be. The gold answer has to be the final answer alone, and right
 * by the problem's own grader when it is put into the form that is asked for. Graders that take time, such as those that run
 * programs, are not asked (see `checksGold` of {@link Grader}).
 */
export function goldFault(problem: Problem): GoldFault | null {
  const known = faults.get(problem)
  if (known !== undefined) return known
  const fault = findFault(problem)
  faults.set(problem, fault)
  return fault
}

/** Problems are looked at when they are loaded and when a run begins. */
const faults = new WeakMap<Problem, GoldFault | null>()

function findFault(problem: Problem): GoldFault | null {
  const grader = graderOf(problem)
  if (grader.checksGold !== true) return null
  const answer = problem.answer.trim()
  const isMath = grader === mathGrader
  const shown = `has the answer ${quote(answer.length > 60 ? `${answer.slice(0, 60)}…` : answer)}`
  if (answer === '') return { reason: 'has no answer', advice: 'give each row an answer' }
  if (isMath && missing.test(answer)) {
    return { reason: `${shown}, which stands for a missing value`, advice: 'give each row an answer' }
  }
  if (marksIn(answer, markingForms).length > 0) {
    const advice = 'give the final answer alone, or say how to find it (answerPattern, --answer-pattern)'
    return { reason: `${shown}, a solution in which it is not clear what the final answer is`, advice }
  }
  if (answer.search(announcement) >= 0 || (isMath && isSentence(answer))) {
    const exact = isMath ? ', or compare whole texts (grader exact)' : ''
    const advice = `give the final answer alone, or say how to find it in the sentence (answerPattern, --answer-pattern)${exact}`
    return { reason: `${shown}, a sentence and not the final answer alone`, advice }
  }
  const form = problem.answerForm ?? grader.forms?.[0] ?? 'gsm8k'
  const fault = gradeFault(problem, form)
  if (fault === null) return null
  const better = answerForms.find((other) => gradeFault({ ...problem, answerForm: other }, other) === null)
  if (better !== undefined) {
    const advice = `ask for the form ${better} (reasoningFormat, --reasoning-format)`
    return { reason: `${shown}, which does not fit into the form ${form}`, advice }
  }
  const advice = 'give an answer that the grader can compare, or take another grader'
  return { reason: fault === '' ? `${shown}, which the grader itself does not take for right` : fault, advice }
}

/** What tools write for a missing value. */
const missing = /^(?:#?n\/a|<na>|nan|null|undefined)$/i

/** What the grader says against the gold answer in a form: nothing (null), that it is wrong (empty), or that it cannot grade it. */
function gradeFault(problem: Problem, form: AnswerForm): string | null {
  try {
    const gradeAs = (answer: string): Grade | null => {
      const grade = graderOf(problem)(answerFormRules[form].write('', answer), problem)
      return grade instanceof Promise || grade.correct ? null : grade
    }
    const verbatim = gradeAs(problem.answer.trim())
    // `18 apples` is not the number alone that `bare` asks for, but `18` is.
    if (verbatim === null || !verbatim.correctLenient || verbatim.extracted === null) return verbatim && ''
    return gradeAs(verbatim.extracted) && ''
  } catch (error) {
    const reason = thrownMessage(error)
    const named = `problem ${problem.id} `
    return reason.startsWith(named) ? reason.slice(named.length) : `cannot be graded: ${reason}`
  }
}

/** Whether an answer in mathematics is prose: no formula, number, name or list of them has a verb, or so many words. */
function isSentence(answer: string): boolean {
  const words = answer.replace(/\\[A-Za-z]+/g, ' ').match(/\p{L}{2,}/gu) ?? []
  const items = answer.split(/,|;|\band\b|\bor\b/)
  const isLong = items.some((item) => (item.replace(/\\[A-Za-z]+/g, ' ').match(/\p{L}{2,}/gu) ?? []).length > 5)
  return isLong || (words.length > 2 && verb.test(answer))
}

const verb =
  /\b(?:is|are|was|were|has|have|had|equals?|makes?|gets?|gives?|gave|costs?|therefore|thus|hence|so|we|she|he|they|it)\b/i
