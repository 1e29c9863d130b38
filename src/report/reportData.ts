import type { ReviewSummary } from '../eval/review/summary.js'
import type { ConfigFile } from '../run/configFile.js'
import type { RunStatus } from '../run/control.js'
import type { DiagnosisLine } from '../run/diagnosisFile.js'
import type { Decoding, Estimate } from '../run/evaluation.js'
import type { MetricsLine } from '../run/metricsFile.js'
import type { ImportFile } from '../run/importFile.js'
import type { PreflightFile } from '../run/preflightFile.js'

/**
 * What the page of a run shows, as it is embedded in the page. Everything comes from the run's files, any of which may be
 * missing; what is missing is null or empty here.
 */
export interface ReportData {
  readonly name: string
  /** When the page was written, ISO 8601. */
  readonly writtenAt: string
  /** The options of config.yaml by their names there. */
  readonly config: ConfigFile | null
  /** Which engine has trained; null where it was our own. */
  readonly imported: Pick<ImportFile, 'engine' | 'notes'> | null
  readonly metrics: readonly MetricsLine[]
  readonly steps: readonly StepRewards[]
  readonly rewardNames: readonly string[]
  readonly groups: readonly CompletionGroup[]
  /** Groups of the run that are not in the page, because it would become too large. */
  readonly groupsLeftOut: number
  readonly notes: readonly DiagnosisNote[]
  readonly preflight: Pick<PreflightFile, 'go' | 'checks'> | null
  readonly evaluation: EvaluationReport | null
  /** What people said of the answers of both models; null where nobody has. */
  readonly review: ReviewSummary | null
  /** What was wrong with the files, for the reader of the page. */
  readonly problems: readonly string[]
  /** How the page talks to `grpo-ts report --watch`; null in a file. */
  readonly live: { readonly token: string } | null
}

/** The rewards of all completions of a step, also of those that are not in the page. */
export interface StepRewards {
  readonly step: number
  /** Mean over the groups of the best and the worst reward of the group. */
  readonly best: number | null
  readonly worst: number | null
  /** Mean over the groups of the share of different texts. */
  readonly unique: number
  /** Share of the groups whose rewards are all equal. */
  readonly zeroVariance: number
  /** How many completions had each reward, rounded to two decimals. */
  readonly counts: readonly (readonly [reward: number, count: number])[]
}

/** Completions of one prompt that are compared with each other. */
export interface CompletionGroup {
  readonly step: number
  /** Number of the group within its step, from 0. */
  readonly index: number
  readonly problem: string
  readonly prompt: string
  readonly answer: string | null
  readonly completions: readonly LoggedCompletion[]
}

export interface LoggedCompletion {
  readonly text: string
  readonly reward: number | null
  /** In the order of `rewardNames`. */
  readonly rewards: readonly (number | null)[]
  readonly advantage: number | null
  /** In tokens. */
  readonly length: number | null
  /** Whether it was cut off at the token limit. */
  readonly cut: boolean
  /** Null where the run did not record them. */
  readonly tokens: TokenValues | null
}

/** What is known of each token. */
export interface TokenValues {
  /** End of each token in the completion's text, in UTF-16 code units. */
  readonly ends: readonly number[]
  /** log p of each token when it was sampled, in nats. */
  readonly logProbs: readonly (number | null)[]
  /** How much training changed it: log p of the trained model less that of the base, in nats; null when not recorded. */
  readonly changes: readonly (number | null)[] | null
  /** 1 where the model sampled the token, 0 where it was given, such as the answer of a tool; missing where all were sampled. */
  readonly mask?: readonly number[]
}

/** A finding of diagnosis.jsonl from its first to its last step. */
export interface DiagnosisNote extends Omit<DiagnosisLine, 'step' | 'state'> {
  /** The step at which it no longer held; null while it holds. */
  readonly until: number | null
}

/** A measured quantity before and after training. */
export interface ComparedQuantity {
  readonly label: string
  readonly decoding: Decoding
  readonly unit: 'share' | 'number'
  readonly base: Estimate | null
  readonly trained: Estimate | null
  /** Trained less base. */
  readonly difference: Estimate | null
  /** Of the paired test; null when there is none. */
  readonly pValue: number | null
}

export interface EvaluationReport {
  /** When it was made, ISO 8601. */
  readonly createdAt: string
  /** What was evaluated and how: `500 problems of arithmetic, …`. */
  readonly description: string
  /** Names of the models that are compared. */
  readonly baseName: string
  readonly trainedName: string | null
  readonly comparisons: readonly ComparedQuantity[]
  readonly problems: readonly ComparedProblem[]
}

/** The answers of the base and of the trained model to the same problem. */
export interface ComparedProblem {
  readonly id: string
  readonly question: string
  readonly prompt: string
  readonly answer: string
  readonly base: readonly ComparedTrace[]
  readonly trained: readonly ComparedTrace[]
}

export interface ComparedTrace {
  readonly decoding: Decoding
  readonly text: string
  readonly correct: boolean
  /** Right, but not in the form asked for. */
  readonly onlyLenient: boolean
  readonly extracted: string | null
  /** In tokens. */
  readonly length: number
  readonly cut: boolean
}

/** What `--watch` sends: everything that came after what the page has. */
export interface ReportUpdate {
  /** Changes when the run was started anew: the page has to be loaded again. */
  readonly generation: number
  readonly status: LiveStatus
  readonly metrics: readonly MetricsLine[]
  readonly steps: readonly StepRewards[]
  readonly rewardNames: readonly string[]
  readonly groups: readonly CompletionGroup[]
  readonly groupsLeftOut: number
  readonly notes: readonly DiagnosisNote[]
  /** Null when the page has it, or when there is none. */
  readonly evaluation: EvaluationReport | null
}

/** Whether the run goes on, and how far it is. */
export type LiveStatus = RunStatus & { readonly step: number | null }
