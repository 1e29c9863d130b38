import { z } from 'zod'
import { ConfigError } from '../errors.js'
import type { RewardFunction } from './reward.js'
import type { SoftOverlongOptions } from './options.js'
import { rewardOptions } from './rewardOptions.js'

/** Options of {@link softOverlong} besides weight and timeout. */
export const softOverlongOptions = {
  maxCompletionLength: z.int().positive().describe("Longest completion, in tokens: the run's maxCompletionLength."),
  softPunishCache: z
    .int()
    .nonnegative()
    .optional()
    .describe(
      'Tokens before the maximum in which the penalty grows; DAPO takes 4096 of 20480. Defaults to a fifth of the maximum.',
    ),
}

/**
 * The soft overlong punishment of DAPO (arXiv 2503.14476, eq. 13; TRL's get_soft_overlong_punishment), with L the maximum and C
 * the cache: 0 for a completion of |y| ≤ L − C tokens, (L − C − |y|) / C up to L, −1 beyond.
 */
export function softOverlong(options: SoftOverlongOptions): RewardFunction {
  const [common, { maxCompletionLength: longest, softPunishCache }] = rewardOptions(
    'soft_overlong',
    softOverlongOptions,
    options,
  )
  const cache = softPunishCache ?? Math.max(1, Math.floor(longest / 5))
  if (cache > longest) {
    throw new ConfigError(
      `soft_overlong: softPunishCache is ${cache}; expected at most maxCompletionLength = ${longest}`,
    )
  }
  return {
    ...common,
    score({ ids: { length } }) {
      if (length <= longest - cache) return 0
      return length <= longest ? (longest - cache - length) / cache : -1
    },
  }
}
