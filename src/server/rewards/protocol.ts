/** Version of `/v1/rewards`: a client refuses another one. */
export const REWARDS_PROTOCOL = 1

/** What `POST /v1/rewards` takes: a batch of completions, by the ids of their problems. */
export interface RewardsRequest {
  /** [N] Ids of problems of the task that the service has. */
  readonly problem_ids: readonly string[]
  /** [N] As text; may be left out where the tokens are given, which are then decoded without special tokens. */
  readonly completions?: readonly string[]
  /** [N] As tokens, the one that ended it included. */
  readonly completion_ids?: readonly (readonly number[])[]
  /** [N] Defaults to `length` for tokens that end without an EOS token, `stop` otherwise. */
  readonly finish_reasons?: readonly ('stop' | 'length')[]
  /** [N] As text, as the model had them. Defaults to those of the task. */
  readonly prompts?: readonly string[]
}

/** What it answers. */
export interface RewardsResponse {
  readonly version: typeof REWARDS_PROTOCOL
  /** [N] of each reward function, by its name; null where it did not judge. */
  readonly rewards: Readonly<Record<string, readonly (number | null)[]>>
  /** Of each reward function. */
  readonly weights: Readonly<Record<string, number>>
  /** [N] Weighted sum; null where no function judged. */
  readonly total: readonly (number | null)[]
  /** [N] Whether the answer is right; null where no function judges that. */
  readonly correct: readonly (boolean | null)[]
  /** What cost a completion a value: a reward that threw or took too long. */
  readonly errors: readonly RewardFailure[]
}

/** A value that is missing because a reward function failed. */
export interface RewardFailure {
  /** Place in the batch, from 0. */
  readonly index: number
  /** Of the reward function. */
  readonly reward: string
  readonly message: string
}

/** What `GET /health` answers. */
export interface RewardsHealth {
  readonly version: typeof REWARDS_PROTOCOL
  readonly task: string
  readonly problems: number
  /** Names of the reward functions, in their order. */
  readonly rewards: readonly string[]
  readonly weights: Readonly<Record<string, number>>
  /** SHA-256 of what decides what completions are worth: task, its problems, rewards, weights. An export holds the same. */
  readonly config_hash: string
  /** Threads that score. */
  readonly workers: number
}
