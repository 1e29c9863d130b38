import { z } from 'zod'
import type { RewardFunction } from '../reward.js'
import type { RepetitionPenaltyOptions } from '../options.js'
import { rewardOptions } from '../rewardOptions.js'
import { option } from '../../options/schema.js'

/** Options of {@link repetitionPenalty} besides weight and timeout. */
export const repetitionPenaltyOptions = {
  ngramSize: option(z.int().positive(), 3, 'Tokens of an n-gram.'),
  maxPenalty: option(z.number().max(0), -1, 'The reward of a completion that only repeats itself, at most 0.'),
}

/**
 * Penalises repeated n-grams of tokens: (1 − different n-grams / n-grams) · maxPenalty, 0 for completions shorter than an
 * n-gram. From arXiv 2502.03373, appendix C.2; as TRL's get_repetition_penalty_reward. Without token ids, as when texts are
 * graded by themselves, words take their place.
 */
export function repetitionPenalty(options: RepetitionPenaltyOptions = {}): RewardFunction {
  const [common, { ngramSize, maxPenalty }] = rewardOptions('repetition_penalty', repetitionPenaltyOptions, options)
  return {
    ...common,
    score({ completion, ids }) {
      const tokens = ids.length > 0 ? ids : (completion.toLowerCase().match(/\S+/g) ?? [])
      const count = tokens.length - ngramSize + 1
      if (count < 1) return 0
      const different = new Set(Array.from({ length: count }, (_, i) => tokens.slice(i, i + ngramSize).join(' ')))
      const repeated = 1 - different.size / count
      return repeated === 0 ? 0 : repeated * maxPenalty
    },
  }
}
