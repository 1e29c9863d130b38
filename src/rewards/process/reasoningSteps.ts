import { ConfigError } from '../../errors.js'
import { findSteps } from '../../grading/reasoning/steps.js'
import type { RewardFunction, RewardOptions } from '../reward.js'
import { rewardWeight } from '../reward.js'

/** Options of {@link reasoningSteps}. */
export interface ReasoningStepsOptions extends RewardOptions {
  /** So many different steps are paid in full. Defaults to 3. */
  targetSteps?: number
}

/**
 * Pays for showing the way: the number of different steps (see `analyseReasoning`) over `targetSteps`, at most 1. It does not
 * look at what the steps say: use it behind a `gate` on correctness, or with a small weight.
 */
export function reasoningSteps(options: ReasoningStepsOptions = {}): RewardFunction {
  const { targetSteps = 3 } = options
  if (!Number.isSafeInteger(targetSteps) || targetSteps < 1) {
    throw new ConfigError(`reasoning_steps: targetSteps is ${targetSteps}; it must be an integer from 1 on`)
  }
  return {
    name: 'reasoning_steps',
    weight: rewardWeight('reasoning_steps', options),
    score({ completion }) {
      const steps = findSteps(completion).map((step) =>
        step
          .toLowerCase()
          .replace(/[^\p{L}\p{N}]+/gu, ' ')
          .trim(),
      )
      const different = new Set(steps.filter((step) => step.split(' ').length >= 3))
      return Math.min(1, different.size / targetSteps)
    },
  }
}
