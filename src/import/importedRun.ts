import type { Finding } from '../grpo/diagnosis/finding.js'

/** A finding that starts or ends with a step. */
export type ImportedFinding = Finding & { readonly step: number }

/** What was made of what another engine left: the folder of a run. */
export interface ImportedRun {
  /** The folder. */
  readonly folder: string
  /** `TRL 1.16.0`: which engine has trained, and its version where its files say it. */
  readonly engine: string
  /** Lines of metrics.jsonl. */
  readonly steps: number
  /** Of the last of them; 0 where there are none. */
  readonly lastStep: number
  /** Lines of completions.jsonl. */
  readonly completions: number
  /** Whether an adapter came back. */
  readonly hasAdapter: boolean
  /** The model, as the configuration or the adapter names it; null where neither does. */
  readonly model: string | null
  /** The task; null where no configuration says it. */
  readonly task: string | null
  /** What could not be read, and what is missing, in sentences. */
  readonly notes: readonly string[]
  /** What the diagnosis has found in the metrics. */
  readonly findings: readonly ImportedFinding[]
  /** The page of the run. */
  readonly report: string
}
