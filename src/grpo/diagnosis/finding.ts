import type { GRPOConfig } from '../config/config.js'
import type { MetricHistory } from './metricHistory.js'

/** What can be found; see docs/metrics.md. */
export type FindingName =
  | 'all_wrong'
  | 'all_right'
  | 'solved_or_out_of_reach'
  | 'identical_completions'
  | 'truncation'
  | 'eos_never'
  | 'reward_never_fires'
  | 'reward_always_fires'
  | 'entropy_collapse'
  | 'diversity_collapse'
  | 'length_creep'
  | 'kl_spike'
  | 'gradient_spike'
  | 'not_finite'
  | 'idle_learning_rate'
  | 'reward_hacking'
  | 'reward_collapse'
  | 'sampling_mismatch'
  | 'no_reasoning'
  | 'unsound_reasoning'

/** What a rule has to say about a run as it stands. */
export interface Statement {
  /** What is the matter, in a word. */
  readonly name: FindingName
  /** The reward function that it is about; null when it is about the run. */
  readonly subject: string | null
  /** `info`: good to know; `warning`: costs time or quality; `error`: nothing is learned any more. */
  readonly severity: 'info' | 'warning' | 'error'
  /** What is the matter, in a sentence, with its numbers. */
  readonly message: string
  /** The numbers that made it speak, by the names of their metrics. */
  readonly evidence: Readonly<Record<string, number>>
  /** One change to try. */
  readonly advice: string
}

/** A statement over time. */
export interface Finding extends Statement {
  /** `started` at this step; `ongoing` since an earlier one; `ended`: what was said no longer holds. */
  readonly state: 'started' | 'ongoing' | 'ended'
  /** The step at which it was first said. */
  readonly since: number
}

/** The options that rules look at. */
export type DiagnosisConfig = Pick<
  GRPOConfig,
  | 'numGenerations'
  | 'generationBatchSize'
  | 'maxCompletionLength'
  | 'lossType'
  | 'learningRate'
  | 'maxGradNorm'
  | 'temperature'
> & {
  /** The name of the reward that judges correctness; null for none. Defaults to `correctness` or TRL's `accuracy_reward`. */
  readonly judge?: string | null
}

/** The reward among some that judges correctness; null for none. */
export function judgeOf(rewards: readonly string[], { judge }: DiagnosisConfig): string | null {
  const known = judge === undefined ? ['correctness', 'accuracy_reward'] : [judge]
  return rewards.find((name) => known.includes(name)) ?? null
}

/** Looks at the metrics of a run so far; says nothing when all is well or too little is known. */
export type Rule = (history: MetricHistory, config: DiagnosisConfig) => readonly Statement[]

/** Generation batches that hold at least so many completions, and at least `minimum`. */
export function batchesWith(completions: number, config: DiagnosisConfig, minimum = 3): number {
  return Math.max(minimum, Math.ceil(completions / config.generationBatchSize))
}
