import { ConfigError } from '../../errors.js'
import { gradeOf } from '../../grading/gradeOf.js'
import type { RewardFunction, RewardOptions } from '../reward.js'
import { rewardWeight } from '../reward.js'

/** Options of {@link efficiency}. */
export interface EfficiencyOptions extends RewardOptions {
  /** Characters that an answer needs. Defaults to the length of the problem's worked solution, or 400 without one. */
  neededLength?: number
  /** So many times the needed length is still paid in full. Defaults to 1.5. */
  slack?: number
}

/**
 * Pays right answers for being no longer than they need to be: 1 up to `slack` times the needed length, then that length over
 * the completion's. A wrong answer gets 0, so that saying nothing does not pay.
 */
export function efficiency(options: EfficiencyOptions = {}): RewardFunction {
  const { neededLength, slack = 1.5 } = options
  for (const [name, value] of Object.entries({ neededLength: neededLength ?? 1, slack })) {
    if (!(value > 0 && value < Infinity)) throw new ConfigError(`efficiency: ${name} is ${value}; it must be above 0`)
  }
  return {
    name: 'efficiency',
    asksGrader: true,
    weight: rewardWeight('efficiency', options),
    async score({ completion, prompt, meta: { problem } }) {
      const { correctLenient } = await gradeOf(completion, problem, prompt)
      if (!correctLenient) return 0
      const enough = slack * (neededLength ?? problem.solution?.length ?? 400)
      return Math.min(1, enough / completion.length)
    },
  }
}
