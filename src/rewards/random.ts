import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64'
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus'
import { ConfigError } from '../errors.js'
import type { RewardFunction, RewardOptions } from './reward.js'
import { rewardWeight } from './reward.js'

/** Options of {@link random}. */
export interface RandomOptions extends RewardOptions {
  /** Probability of the reward 1; otherwise it is 0. */
  rate: number
  /** The same seed gives the same rewards, in the order in which completions are judged. Defaults to 0. */
  seed?: number
}

/**
 * Rewards by lot, whatever the completion says: the placebo to compare a training with. What it gains, training gains by
 * itself, without any reward for being right (Shao et al. 2025, "Spurious Rewards", arXiv 2506.10947).
 */
export function random(options: RandomOptions): RewardFunction {
  const { rate, seed = 0 } = options
  if (!(rate >= 0 && rate <= 1)) throw new ConfigError(`rate of the random reward is ${rate}; expected a probability`)
  const generator = xoroshiro128plus(seed | 0)
  return {
    name: 'random',
    weight: rewardWeight('random', options),
    score: () => (uniformFloat64(generator) < rate ? 1 : 0),
  }
}
