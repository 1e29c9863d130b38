import type { CompletionLine } from '../run/completionsFile.js'
import type { MetricsLine } from '../run/metricsFile.js'

/** What another engine left, as a run of ours holds it. */
export interface ImportedRun {
  /** Which engine, and its version where its files say it. */
  readonly engine: string
  readonly metrics: readonly MetricsLine[]
  readonly completions: readonly CompletionLine[]
  /** Folder of the adapter in PEFT's layout; null where none came back. */
  readonly adapter: string | null
  /** What could not be read, and what is missing, in sentences. */
  readonly notes: readonly string[]
}
