import { ConfigError } from '../errors.js'
import { quote } from '../io/json.js'
import type { Problem } from '../grading/problem.js'
import { rewardTimeout, rewardWeight } from './reward.js'
import type { Reward, RewardFunction, RewardInput, RewardOptions } from './reward.js'

/** What a plain function sees of one completion. */
export interface RewardSample {
  /** The text of the prompt. */
  readonly prompt: string
  /** The text of the completion. */
  readonly completion: string
  /** The problem's final answer. */
  readonly answer: string
  /** The completion's tokens. */
  readonly ids: readonly number[]
  readonly meta: {
    readonly problem: Problem
    /** `stop`: ended by itself; `length`: cut off at the token limit. */
    readonly finishReason: 'stop' | 'length'
  }
}

/** The reward of one completion, or null for one that it does not judge. */
export type RewardCallback = (sample: RewardSample) => number | null | Promise<number | null>

/** The rewards of all completions of a generation batch, in their order. */
export type BatchRewardCallback = (
  samples: readonly RewardSample[],
) => readonly (number | null)[] | Promise<readonly (number | null)[]>

export interface RewardCallbackOptions extends RewardOptions {
  /** Appears in the metrics. Defaults to the name of the function. */
  name?: string
}

/**
 * A plain function as a reward: `rewardFunction(({ completion, answer }) => (completion.includes(answer) ? 1 : 0), { name:
 * 'includes' })`. With `batched` it gets all completions of a generation batch at once.
 *
 * Throws a ConfigError for a weight or time limit out of range, and for a function without a name.
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
  const common = { name, weight: rewardWeight(name, options), ...rewardTimeout(name, options) }
  if (!options.batched) {
    const one = score as RewardCallback
    return { ...common, score: (input) => one(rewardSample(input)) }
  }
  const many = score as BatchRewardCallback
  const scoreBatch = async (inputs: readonly RewardInput[]): Promise<readonly (number | null)[]> =>
    many(inputs.map(rewardSample))
  return { ...common, scoreBatch, score: async (input) => (await scoreBatch([input]))[0] ?? null }
}

/** A completion as plain functions see it. */
export function rewardSample(input: RewardInput): RewardSample {
  const { problem, promptText, completion, completionIds, finishReason } = input
  return { prompt: promptText, completion, answer: problem.answer, ids: completionIds, meta: { problem, finishReason } }
}

/** A reward in the form that the trainer works with. Throws a ConfigError for what is neither a function nor a reward. */
export function asRewardFunction(reward: Reward): RewardFunction {
  if (typeof reward === 'function') return rewardFunction(reward)
  // From JavaScript it may be anything.
  const given = reward as Partial<RewardFunction> | null
  if (typeof given?.score !== 'function' || typeof given.name !== 'string') {
    throw new ConfigError(
      `a reward is ${quote(reward)}; expected a function, or an object with name, weight and score(input) as the functions of ` +
        'rewards return it',
    )
  }
  rewardWeight(reward.name, { weight: reward.weight })
  rewardTimeout(reward.name, reward)
  return reward
}
