import { z } from 'zod'
import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64'
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus'
import type { RewardFunction } from './reward.js'
import type { RandomOptions } from './options.js'
import { rewardOptions } from './rewardOptions.js'
import { option } from '../options/schema.js'

/** Options of {@link random} besides weight and timeout. */
export const randomOptions = {
  rate: option(z.number().min(0).max(1), 0.5, 'Probability of the reward 1; otherwise it is 0.'),
  seed: option(z.int(), 0, 'The same seed gives the same rewards, in the order in which completions are judged.'),
}

/**
 * Rewards by lot, whatever the completion says: the placebo to compare a training with. What it gains, training gains by
 * itself, without any reward for being right (Shao et al. 2025, "Spurious Rewards", arXiv 2506.10947).
 */
export function random(options: RandomOptions = {}): RewardFunction {
  const [common, { rate, seed }] = rewardOptions('random', randomOptions, options)
  const generator = xoroshiro128plus(seed | 0)
  return {
    ...common,
    score: () => (uniformFloat64(generator) < rate ? 1 : 0),
  }
}
