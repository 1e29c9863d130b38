import { z } from 'zod'
import { findCalculations } from '../../grading/reasoning/calculations.js'
import type { RewardFunction } from '../reward.js'
import type { StepArithmeticOptions } from '../options.js'
import { rewardOptions } from '../rewardOptions.js'
import { option } from '../../options/schema.js'

/** Options of {@link stepArithmetic} besides weight and timeout. */
export const stepArithmeticOptions = {
  penalty: option(z.number(), -0.5, 'For each wrong calculation; together not below -1.'),
}

/**
 * Penalises calculations that do not come out, such as `18 / 3 = 7`: `penalty` for each, at least -1. Right ones are not paid,
 * so that trivial ones cannot make up for errors.
 */
export function stepArithmetic(options: StepArithmeticOptions = {}): RewardFunction {
  const [common, { penalty }] = rewardOptions('step_arithmetic', stepArithmeticOptions, options)
  return {
    ...common,
    score({ completion }) {
      const wrong = findCalculations(completion).filter(({ correct }) => !correct).length
      return wrong === 0 ? 0 : Math.max(-1, penalty * wrong)
    },
  }
}
