import { z } from 'zod'
import { gradeOf } from '../../grading/gradeOf.js'
import type { RewardFunction } from '../reward.js'
import type { EfficiencyOptions } from '../options.js'
import { rewardOptions } from '../rewardOptions.js'
import { option } from '../../options/schema.js'

/** Options of {@link efficiency} besides weight and timeout. */
export const efficiencyOptions = {
  neededLength: z
    .number()
    .positive()
    .optional()
    .describe(
      "Characters that an answer needs. Defaults to the length of the problem's worked solution, or 400 without one.",
    ),
  slack: option(z.number().positive(), 1.5, 'So many times the needed length is still paid in full.'),
}

/**
 * Pays right answers for being no longer than they need to be: 1 up to `slack` times the needed length, then that length over
 * the completion's. A wrong answer gets 0, so that saying nothing does not pay.
 */
export function efficiency(options: EfficiencyOptions = {}): RewardFunction {
  const [common, { neededLength, slack }] = rewardOptions('efficiency', efficiencyOptions, options)
  return {
    ...common,
    asksGrader: true,
    async score({ completion, prompt, meta: { problem } }) {
      const { correctLenient } = await gradeOf(completion, problem, prompt)
      if (!correctLenient) return 0
      const enough = slack * (neededLength ?? problem.solution?.length ?? 400)
      return Math.min(1, enough / completion.length)
    },
  }
}
