import { z } from 'zod'
import { findSteps } from '../../grading/reasoning/steps.js'
import type { RewardFunction } from '../reward.js'
import type { ReasoningStepsOptions } from '../options.js'
import { rewardOptions } from '../rewardOptions.js'
import { option } from '../../options/schema.js'

/** Options of {@link reasoningSteps} besides weight and timeout. */
export const reasoningStepsOptions = {
  targetSteps: option(z.int().positive(), 3, 'So many different steps are paid in full.'),
}

/**
 * Pays for showing the way: the number of different steps (see `analyseReasoning`) over `targetSteps`, at most 1. It does not
 * look at what the steps say: use it behind a `gate` on correctness, or with a small weight.
 */
export function reasoningSteps(options: ReasoningStepsOptions = {}): RewardFunction {
  const [common, { targetSteps }] = rewardOptions('reasoning_steps', reasoningStepsOptions, options)
  return {
    ...common,
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
