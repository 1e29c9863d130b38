import type { TrainConfig } from '../grpo/config/trainConfig.js'
import type { Prompt, Task } from '../tasks/task.js'
import type { Tokenizer } from '../text/tokenizer.js'

/** What an export is made of. */
export interface ExportPlan {
  /** As config.yaml of the export holds it: paths are within its folder. */
  readonly config: TrainConfig
  /** The problems that are trained on. */
  readonly task: Task
  readonly tokenizer: Tokenizer
  /** [problems] The prompt of each, as text and as the tokens that our own runs give the model. */
  readonly prompts: readonly Prompt[]
  /** The reward functions, in the order of their weights; `weight` is what counts in the run, that of `rewardWeights` if it is given. */
  readonly rewards: readonly { readonly name: string; readonly weight: number }[]
  readonly model: ExportedModel
  /** Processes that train, each on a GPU of its own, or on the CPU. */
  readonly processes: number
  /** Of what decides the rewards: see rewardsHash. */
  readonly configHash: string
}

/** Where the engine finds the model. */
export interface ExportedModel {
  /** `./model` in the folder of the export, or the repository on the Hub, `owner/name`. */
  readonly name: string
  /** Commit on the Hub; null for a folder. */
  readonly revision: string | null
}

/** How an option of ours comes out in another engine. */
export interface MappedOption {
  /** Ours, in snake_case. */
  readonly option: string
  readonly value: unknown
  /** `carried`: the same in the engine, perhaps by another name; `changed`: otherwise, for a reason; `left out`: it has none and needs none. */
  readonly outcome: 'carried' | 'changed' | 'left out'
  /** What it is there, such as `actor_rollout_ref.rollout.n: 8`; empty where it is left out. */
  readonly there: string
  /** Why, where it is not carried over as it is. */
  readonly reason: string
}

/** An engine that runs can be exported to. */
export interface ExportTarget {
  readonly name: 'trl' | 'verl' | 'openrlhf'
  /** As its makers write it, with the version that it was checked with: `TRL 1.16`. */
  readonly title: string
  /** What the export of a plan holds beside what all have in common. @throws ConfigError for what the engine cannot do: nothing is dropped silently */
  files(plan: ExportPlan): ExportedFiles
}

/** Contents of an export that are the engine's own. */
export interface ExportedFiles {
  /**
   * By the path in the folder of the export: data, configuration and check_prompts.py, which compares the engine's prompt ids with
   * prompt_ids.jsonl ({"problem_id", "ids"} a line, in the order of the problems) and ends with 1 at the first that differs.
   */
  readonly files: Readonly<Record<string, string | Uint8Array>>
  /** Python that follows the client of the service (src/export/python/grpo_ts_rewards.py) in grpo_ts_rewards.py: the engine's reward functions. */
  readonly rewardFunctions: string
  /** For requirements.txt: `trl==1.16.0`. */
  readonly requirements: readonly string[]
  /**
   * The shell command that trains, several lines of bash that end with `exec …`: run.sh runs them in the folder while the service
   * answers, with PYTHON, PROCESSES, NNODES, NODE_RANK, MASTER_ADDR, MASTER_PORT and GRPO_TS_REWARDS_URL, _TOKEN in the environment.
   */
  readonly trainCommand: string
  readonly options: readonly MappedOption[]
  /** For the README, in Markdown: what comes back, and how it is evaluated and imported here. */
  readonly comesBack: string
}
