import { ConfigError } from '../errors.js'
import type { Problem } from '../tasks/task.js'

/** What a reward function sees of one completion. */
export interface RewardInput {
  readonly problem: Problem
  readonly promptText: string
  /** The completion's text. */
  readonly completion: string
  readonly completionIds: readonly number[]
  /** `stop`: ended by itself; `length`: cut off at the token limit. */
  readonly finishReason: 'stop' | 'length'
}

/** Scores completions; the trainer adds up the scores of all its reward functions, each times its weight. */
export interface RewardFunction {
  /** Appears in the metrics as `rewards/<name>/mean`. */
  readonly name: string
  readonly weight: number
  /** The reward, or null for a completion that this function does not judge. */
  score(input: RewardInput): number | null | Promise<number | null>
}

export interface RewardOptions {
  /** Factor of this reward in the total. Defaults to 1. */
  weight?: number
}

/** The weight of a reward function. Throws a {@link ConfigError} when it is not a finite number. */
export function rewardWeight(name: string, { weight = 1 }: RewardOptions): number {
  if (!Number.isFinite(weight)) {
    throw new ConfigError(`weight of the ${name} reward is ${weight}; it must be a finite number`)
  }
  return weight
}
