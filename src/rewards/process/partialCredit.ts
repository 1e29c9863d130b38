import type { Grade, Problem } from '../../tasks/task.js'
import { findCalculations } from '../reasoning/calculations.js'
import { gradeOf } from '../correctness.js'
import type { RewardFunction, RewardOptions } from '../reward.js'
import { rewardWeight } from '../reward.js'

export interface PartialCreditOptions extends RewardOptions {
  /** For a right answer that is not in the form asked for. Defaults to 0.5. */
  lenientCredit?: number
  /** For a wrong answer whose way came to all intermediate results of the problem's solution. Defaults to 0.3. */
  stepCredit?: number
}

/**
 * Pays 1 for a right answer in the right form, `lenientCredit` for one in another form, and for a wrong one up to `stepCredit`:
 * the share of the results in the problem's worked solution that the completion also calculates, and calculates right. Further
 * calculations lower the share, so that listing many does not pay.
 */
export function partialCredit(options: PartialCreditOptions = {}): RewardFunction {
  const { lenientCredit = 0.5, stepCredit = 0.3 } = options
  return {
    name: 'partial_credit',
    weight: rewardWeight('partial_credit', options),
    async score({ completion, problem, promptText }) {
      const { correct, correctLenient }: Grade = await gradeOf(completion, problem, promptText)
      if (correct) return 1
      return correctLenient ? lenientCredit : stepCredit * sharedResults(completion, problem)
    },
  }
}

function sharedResults(completion: string, { solution }: Problem): number {
  const expected = new Set(findCalculations(solution ?? '').map(({ claimed }) => claimed))
  const found = findCalculations(completion)
  const right = new Set(found.filter(({ correct }) => correct).map(({ claimed }) => claimed))
  const shared = [...right].filter((result) => expected.has(result)).length
  return expected.size === 0 ? 0 : shared / Math.max(expected.size, found.length)
}
