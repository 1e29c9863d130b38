import type { TrainConfig } from '../grpo/config/trainConfig.js'
import type { Task } from '../tasks/task.js'
import type { Tokenizer } from '../text/tokenizer.js'

/** What an export is made of. */
export interface ExportPlan {
  readonly config: TrainConfig
  /** The problems that are trained on. */
  readonly task: Task
  readonly tokenizer: Tokenizer
  /** [problems] The prompt of each, as text and as the tokens that our own runs give the model. */
  readonly prompts: readonly { readonly text: string; readonly ids: readonly number[] }[]
  /** Processes that train, each on a GPU of its own, or on the CPU. */
  readonly processes: number
  /** Of what decides the rewards: see rewardsHash. */
  readonly configHash: string
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
  /** What the export of a plan holds beside what all have in common. @throws ConfigError for what the engine cannot do: nothing is dropped silently */
  files(plan: ExportPlan): ExportedFiles
}

/** Contents of an export that are the engine's own. */
export interface ExportedFiles {
  /** By the path in the folder of the export. */
  readonly files: Readonly<Record<string, string | Uint8Array>>
  /** For requirements.txt: `trl==1.16.0`. */
  readonly requirements: readonly string[]
  /** The shell command that trains, run in the folder by run.sh while the service answers; several lines. */
  readonly trainCommand: string
  readonly options: readonly MappedOption[]
  /** For the README: what comes back, and how it is evaluated and imported here. */
  readonly comesBack: string
}
