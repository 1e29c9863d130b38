import { ConfigError } from '../../errors.js'
import type { RewardFunction, RewardOptions } from '../reward.js'
import { rewardWeight } from '../reward.js'

/** Options of {@link repetitionPenalty}. */
export interface RepetitionPenaltyOptions extends RewardOptions {
  /** Tokens of an n-gram. Defaults to 3. */
  ngramSize?: number
  /** The reward of a completion that only repeats itself, at most 0. Defaults to -1. */
  maxPenalty?: number
}

/**
 * Penalises repeated n-grams of tokens: (1 − different n-grams / n-grams) · maxPenalty, 0 for completions shorter than an
 * n-gram. From arXiv 2502.03373, appendix C.2; as TRL's get_repetition_penalty_reward. Without token ids, as when texts are
 * graded by themselves, words take their place.
 */
export function repetitionPenalty(options: RepetitionPenaltyOptions = {}): RewardFunction {
  const { ngramSize = 3, maxPenalty = -1 } = options
  if (!Number.isSafeInteger(ngramSize) || ngramSize < 1) {
    throw new ConfigError(`repetition_penalty: ngramSize is ${ngramSize}; it must be an integer from 1 on`)
  }
  if (!(maxPenalty <= 0 && maxPenalty > -Infinity)) {
    throw new ConfigError(`repetition_penalty: maxPenalty is ${maxPenalty}; it must be a number that is not above 0`)
  }
  return {
    name: 'repetition_penalty',
    weight: rewardWeight('repetition_penalty', options),
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
