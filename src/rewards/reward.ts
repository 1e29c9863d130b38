import { ConfigError } from '../errors.js'
import { quote } from '../io/json.js'
import type { Problem } from '../grading/problem.js'
import type { RewardCallback } from './rewardCallback.js'

/** Milliseconds that a timer can wait for. */
export const MAXIMUM_TIMEOUT = 2 ** 31 - 1

/** What a reward function sees of one completion. */
export interface RewardSample {
  /** The text of the prompt. */
  readonly prompt: string
  /** The text of the completion. */
  readonly completion: string
  /** The problem's final answer. */
  readonly answer: string
  /** The completion's tokens. */
  readonly ids: readonly number[]
  /** What else is known of the completion. */
  readonly meta: {
    readonly problem: Problem
    /** `stop`: ended by itself; `length`: cut off at the token limit. */
    readonly finishReason: 'stop' | 'length'
  }
}

/** Scores completions; the trainer adds up the scores of all its reward functions, each times its weight. */
export interface RewardFunction {
  /** Appears in the metrics as `rewards/<name>/mean`. */
  readonly name: string
  /** Factor of this reward in the total. */
  readonly weight: number
  /** The reward, or null for a completion that this function does not judge. */
  score(sample: RewardSample): number | null | Promise<number | null>
  /** As `score`, for all completions of a generation batch at once, in their order. The trainer calls it instead. */
  scoreBatch?(samples: readonly RewardSample[]): readonly (number | null)[] | Promise<readonly (number | null)[]>
  /**
   * Milliseconds after which a score (or a batch of them) that is a promise counts as null, and in the metric
   * `rewards/<name>/timeouts`. Nothing can interrupt a function that does not return: see `workerReward`. Defaults to none.
   */
  readonly timeout?: number
  /**
   * `correctness`: it pays above 0 for right answers and for nothing else. Accuracy, the choice of the best checkpoint, difficulty
   * pools and diagnosis go by it. Defaults to nothing.
   */
  readonly judges?: 'correctness'
  /** It asks the graders of the problems, whose gold answers a run then checks when it begins. Defaults to false. */
  readonly asksGrader?: boolean
  /** The function keeps its time limit itself: it throws a {@link RewardTimeout}. */
  readonly keepsTimeout?: boolean
}

/** A reward as the trainer takes it: one of this library's, or a plain function of a completion, by its own name and weight 1. */
export type Reward = RewardFunction | RewardCallback

/** Thrown by a reward function that keeps its time limit itself: the completion gets null. */
export class RewardTimeout extends Error {
  override name = 'RewardTimeout'
}

/** What every reward takes. */
export interface RewardOptions {
  /** Factor of this reward in the total. Defaults to 1. */
  weight?: number
  /** Time limit of a score in milliseconds: see {@link RewardFunction.timeout}. Defaults to none. */
  timeout?: number
}

/** What a reward function judges, if it says so. Throws a {@link ConfigError} for anything else than `correctness`. */
export function rewardJudges(name: string, { judges }: Pick<RewardFunction, 'judges'>): Pick<RewardFunction, 'judges'> {
  // From JavaScript and YAML it may be anything.
  const given: unknown = judges
  if (given === undefined) return {}
  if (given === 'correctness') return { judges: given }
  throw new ConfigError(`judges of the ${name} reward is ${quote(given)}; it must be correctness`)
}

/** The weight of a reward function. Throws a {@link ConfigError} when it is not a finite number. */
export function rewardWeight(name: string, { weight = 1 }: RewardOptions): number {
  if (!Number.isFinite(weight)) {
    throw new ConfigError(`weight of the ${name} reward is ${weight}; it must be a finite number`)
  }
  return weight
}

/** The time limit of a reward function, if it has one. Throws a {@link ConfigError} when it is not a number above 0. */
export function rewardTimeout(name: string, { timeout }: Pick<RewardOptions, 'timeout'>): { timeout?: number } {
  if (timeout === undefined) return {}
  if (timeout > 0 && timeout <= MAXIMUM_TIMEOUT) return { timeout }
  throw new ConfigError(
    `timeout of the ${name} reward is ${timeout}; it must be a number of milliseconds above 0 and at most ${MAXIMUM_TIMEOUT}`,
  )
}
