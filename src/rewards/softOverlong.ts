import { ConfigError } from '../errors.js'
import type { RewardFunction, RewardOptions } from './reward.js'
import { rewardWeight } from './reward.js'

/** Options of {@link softOverlong}. */
export interface SoftOverlongOptions extends RewardOptions {
  /** Longest completion, in tokens: the run's maxCompletionLength. */
  maxCompletionLength: number
  /** Tokens before the maximum in which the penalty grows; DAPO takes 4096 of 20480. Defaults to a fifth of the maximum. */
  softPunishCache?: number
}

/**
 * The soft overlong punishment of DAPO (arXiv 2503.14476, eq. 13; TRL's get_soft_overlong_punishment), with L the maximum and C
 * the cache: 0 for a completion of |y| ≤ L − C tokens, (L − C − |y|) / C up to L, −1 beyond.
 */
export function softOverlong(options: Partial<SoftOverlongOptions>): RewardFunction {
  const { maxCompletionLength: longest = NaN } = options
  const cache = options.softPunishCache ?? Math.max(1, Math.floor(longest / 5))
  if (!Number.isSafeInteger(longest) || longest < 1) {
    throw new ConfigError(`soft_overlong: maxCompletionLength is ${longest}; it must be a number of tokens above 0`)
  }
  if (!Number.isSafeInteger(cache) || cache < 0 || cache > longest) {
    throw new ConfigError(
      `soft_overlong: softPunishCache is ${cache}; it must be a number of tokens from 0 to maxCompletionLength ${longest}`,
    )
  }
  return {
    name: 'soft_overlong',
    weight: rewardWeight('soft_overlong', options),
    score({ ids: { length } }) {
      if (length <= longest - cache) return 0
      return length <= longest ? (longest - cache - length) / cache : -1
    },
  }
}
