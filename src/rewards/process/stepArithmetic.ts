import { findCalculations } from '../../grading/reasoning/calculations.js'
import type { RewardFunction, RewardOptions } from '../reward.js'
import { rewardWeight } from '../reward.js'

/** Options of {@link stepArithmetic}. */
export interface StepArithmeticOptions extends RewardOptions {
  /** For each wrong calculation; together not below -1. Defaults to -0.5. */
  penalty?: number
}

/**
 * Penalises calculations that do not come out, such as `18 / 3 = 7`: `penalty` for each, at least -1. Right ones are not paid,
 * so that trivial ones cannot make up for errors.
 */
export function stepArithmetic(options: StepArithmeticOptions = {}): RewardFunction {
  const { penalty = -0.5 } = options
  return {
    name: 'step_arithmetic',
    weight: rewardWeight('step_arithmetic', options),
    score({ completion }) {
      const wrong = findCalculations(completion).filter(({ correct }) => !correct).length
      return wrong === 0 ? 0 : Math.max(-1, penalty * wrong)
    },
  }
}
