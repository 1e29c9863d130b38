import { gradeOf } from '../../grading/gradeOf.js'
import { findSelfCorrections } from '../../grading/reasoning/selfCorrections.js'
import type { RewardFunction, RewardOptions } from '../reward.js'
import { rewardOptions } from '../rewardOptions.js'

/**
 * Pays 1 for a completion that takes back a result, comes to another one and ends right, 0 for any other. Only one correction
 * counts, and a check that confirms a result is none; yet a model can learn to err first, so give it a small weight.
 */
export function selfCorrection(options: RewardOptions = {}): RewardFunction {
  const [common] = rewardOptions('self_correction', {}, options)
  return {
    ...common,
    asksGrader: true,
    async score({ completion, prompt, meta: { problem } }) {
      const corrections = findSelfCorrections(completion)
      if (corrections.length === 0) return 0
      const { correctLenient } = await gradeOf(completion, problem, prompt)
      return findSelfCorrections(completion, correctLenient).some(({ helpful }) => helpful) ? 1 : 0
    },
  }
}
