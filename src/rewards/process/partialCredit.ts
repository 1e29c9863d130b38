import type { Grade } from '../../tasks/task.js'
import { findCalculations } from '../reasoning/calculations.js'
import { gradeOf } from '../correctness.js'
import type { RewardFunction, RewardOptions } from '../reward.js'
import { rewardWeight } from '../reward.js'

export interface PartialCreditOptions extends RewardOptions {
  /** For a right answer that is not in the form asked for. Defaults to 0.5. */
  lenientCredit?: number
  /** For a wrong answer whose way came to all intermediate results of the problem's solution. Defaults to 0.3. */
  stepCredit?: number
  /**
   * For a wrong answer that writes down the calculations of the problem's solution, whatever it makes of them: what an examiner gives for
   * the method. Defaults to 0.
   */
  methodCredit?: number
}

/**
 * Pays 1 for a right answer in the right form, `lenientCredit` for one in another form, and for a wrong one the sum of two parts: up to
 * `stepCredit` for the share of the results in the problem's worked solution that the completion also calculates, and calculates right;
 * up to `methodCredit` for the share that its calculations would come to (`12 - 4 = 9` would come to 8). Further calculations lower the
 * shares, so that listing many does not pay.
 */
export function partialCredit(options: PartialCreditOptions = {}): RewardFunction {
  const { lenientCredit = 0.5, stepCredit = 0.3, methodCredit = 0 } = options
  return {
    name: 'partial_credit',
    weight: rewardWeight('partial_credit', options),
    async score({ completion, problem, promptText }) {
      const { correct, correctLenient }: Grade = await gradeOf(completion, problem, promptText)
      if (correct) return 1
      if (correctLenient) return lenientCredit
      const expected = new Set(findCalculations(problem.solution ?? '').map(({ claimed }) => claimed))
      if (expected.size === 0) return 0
      const found = findCalculations(completion)
      const share = (results: readonly number[]): number =>
        [...new Set(results)].filter((result) => expected.has(result)).length / Math.max(expected.size, found.length)
      const calculatedRight = found.filter(({ correct }) => correct).map(({ claimed }) => claimed)
      const meant = found.map(({ value }) => value)
      return stepCredit * share(calculatedRight) + methodCredit * share(meant)
    },
  }
}
