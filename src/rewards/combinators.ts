import { ConfigError } from '../errors.js'
import type { RewardFunction, RewardOptions } from './reward.js'
import { rewardJudges, rewardWeight } from './reward.js'

/** What every combination of rewards takes. */
export interface CombinatorOptions extends RewardOptions {
  /** Appears in the metrics. */
  name?: string
}

/**
 * Several rewards as one: the sum of their scores, each times its weight. Those that do not judge a completion are left out;
 * if none does, the sum does not either.
 */
export function weightedSum(rewards: readonly RewardFunction[], options: CombinatorOptions = {}): RewardFunction {
  if (rewards.length === 0) throw new ConfigError('weightedSum got no reward; expected at least one')
  const { name = rewards.map((reward) => reward.name).join('+') } = options
  return {
    name,
    weight: rewardWeight(name, options),
    asksGrader: rewards.some(({ asksGrader }) => asksGrader === true),
    async score(sample) {
      const scores = await Promise.all(rewards.map(async (reward) => weighted(await reward.score(sample), reward)))
      const judged = scores.filter((score) => score !== null)
      return judged.length === 0 ? null : judged.reduce((sum, score) => sum + score, 0)
    },
  }
}

function weighted(score: number | null, { weight }: RewardFunction): number | null {
  return score === null ? null : score * weight
}

/** Options of {@link gate}. */
export interface GateOptions extends CombinatorOptions {
  /** The reward that opens the gate. */
  when: RewardFunction
  /** Its lowest score that does. Defaults to 1. */
  atLeast?: number
  /** What is paid while the gate is closed. Defaults to 0. */
  otherwise?: number
}

/**
 * A reward that only counts where another one is high enough: `gate(format(), { when: correctness({ lenient: true }) })` pays
 * for the form of right answers alone. Keeps the name and the weight of the reward unless others are given, and what it judges.
 */
export function gate(reward: RewardFunction, options: GateOptions): RewardFunction {
  const { when, atLeast = 1, otherwise = 0, name = reward.name } = options
  return {
    name,
    weight: rewardWeight(name, { weight: options.weight ?? reward.weight }),
    ...rewardJudges(name, reward),
    asksGrader: reward.asksGrader === true || when.asksGrader === true,
    async score(sample) {
      const condition = await when.score(sample)
      return condition !== null && condition >= atLeast ? reward.score(sample) : otherwise
    },
  }
}
