import { answerOf } from '../answers/answerOf.js'
import { equalAnswers } from '../answers/equalAnswers.js'
import { apply, integerOf, variablesOf } from '../formula/formula.js'
import { comparisonBudget, sameValue } from '../formula/sameValue.js'
import type { Answer } from '../answers/answer.js'
import { readAnswer } from '../answers/readAnswer.js'

/** When two mathematical answers are equal. */
export interface MathEqualOptions {
  /** Lets `50%` also equal 0.5. As a reward that invites guessing the scale of an answer. Defaults to false. */
  percentLeniency?: boolean
}

/**
 * Whether an answer in LaTeX or plain text is the gold answer.
 *
 * Numbers are compared exactly, whatever clothes they wear; a decimal with six or more places also equals the fraction or root
 * that it is rounded from. Units, currency, degree and percent signs, and the name in `x = 5`, do not count where only one side
 * has them (50% is 50, not 0.5); where both have them they have to agree. Points, intervals and matrices are compared item by
 * item, sets and lists in any order, words without regard to capitals, equations as multiples of each other, and expressions by
 * their values (see {@link sameValue}). An answer takes a bounded amount of work, whatever it is.
 */
export function mathEqual(answer: string, gold: string, options: MathEqualOptions = {}): boolean {
  if (answer.trim() === '' || gold.trim() === '') return false
  if (answer.trim() === gold.trim()) return true
  const [a, b] = [readAnswer(answer), readAnswer(gold)]
  const budget = comparisonBudget()
  if (equalAnswers(a, b, budget) || equalAnswers(resultOf(a, b), b, budget)) return true
  if (options.percentLeniency !== true || answer.includes('%') === gold.includes('%')) return false
  const [percent, other] = answer.includes('%') ? [a, b] : [b, a]
  if (percent.kind !== 'value' || other.kind !== 'value') return false
  return sameValue(percent.formula, apply('multiply', other.formula, integerOf(100)), { budget })
}

/** Where a number is asked for, `x + y = 5` answers with 5. */
function resultOf(answer: Answer, gold: Answer): Answer {
  if (answer.kind !== 'equation' || gold.kind !== 'value' || variablesOf(gold.formula).size > 0) return answer
  return variablesOf(answer.right).size > 0 ? answer : answerOf(answer.right)
}
