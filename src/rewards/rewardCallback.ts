import { ConfigError } from '../errors.js'
import { quote } from '../io/json.js'
import { rewardJudges, rewardTimeout, rewardWeight } from './reward.js'
import type { Reward, RewardFunction, RewardOptions, RewardSample } from './reward.js'

/** The reward of one completion, or null for one that it does not judge. */
export type RewardCallback = (sample: RewardSample) => number | null | Promise<number | null>

/** The rewards of all completions of a generation batch, in their order. */
export type BatchRewardCallback = (
  samples: readonly RewardSample[],
) => readonly (number | null)[] | Promise<readonly (number | null)[]>

/** Options of {@link rewardFunction}. */
export interface RewardCallbackOptions extends RewardOptions {
  /** Appears in the metrics. Defaults to the name of the function. */
  name?: string
  /** `correctness` for a function that pays above 0 for right answers and for nothing else: see {@link RewardFunction.judges}. */
  judges?: 'correctness'
}

/**
 * A plain function as a reward: `rewardFunction(({ completion, answer }) => (completion.includes(answer) ? 1 : 0), { name:
 * 'includes' })`. With `batched` it gets all completions of a generation batch at once.
 *
 * Throws a ConfigError for a weight, a time limit or a `judges` that it cannot have, and for a function without a name.
 */
export function rewardFunction(
  score: RewardCallback,
  options?: RewardCallbackOptions & { batched?: false },
): RewardFunction
export function rewardFunction(
  score: BatchRewardCallback,
  options: RewardCallbackOptions & { batched: true },
): RewardFunction
export function rewardFunction(
  score: RewardCallback | BatchRewardCallback,
  options: RewardCallbackOptions & { batched?: boolean } = {},
): RewardFunction {
  const name = options.name ?? score.name
  if (name === '')
    throw new ConfigError('a reward function has no name, which its metrics would have; give it one: { name }')
  const common = {
    name,
    weight: rewardWeight(name, options),
    ...rewardTimeout(name, options),
    ...rewardJudges(name, options),
  }
  if (!options.batched) return { ...common, score: score as RewardCallback }
  const scoreBatch = score as BatchRewardCallback
  return { ...common, scoreBatch, score: async (sample) => (await scoreBatch([sample]))[0] ?? null }
}

/** A reward in the form that the trainer works with. Throws a ConfigError for what is neither a function nor a reward. */
export function asRewardFunction(reward: Reward): RewardFunction {
  if (typeof reward === 'function') return rewardFunction(reward)
  // From JavaScript it may be anything.
  const given = reward as Partial<RewardFunction> | null
  if (typeof given?.score !== 'function' || typeof given.name !== 'string') {
    throw new ConfigError(
      `a reward is ${quote(reward)}; expected a function, or an object with name, weight and score(sample) as the functions of ` +
        'rewards return it',
    )
  }
  rewardWeight(reward.name, { weight: reward.weight })
  rewardTimeout(reward.name, reward)
  rewardJudges(reward.name, reward)
  return reward
}
