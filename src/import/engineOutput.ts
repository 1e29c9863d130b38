import type { ChatMessage } from '../text/chatTemplate.js'
import type { MetricsLine } from '../run/metricsFile.js'

/** A completion as another engine has recorded it. */
export interface EngineCompletion {
  /** As text, or as the messages of a chat. */
  readonly prompt: string | readonly ChatMessage[]
  readonly completion: string
  /** Id of the problem; null where the engine did not keep it. */
  readonly problem: string | null
  /** The right answer; null where the engine did not keep it. */
  readonly answer: string | null
  /** By the name of the reward function; null where it did not judge. */
  readonly rewards: Readonly<Record<string, number | null>>
  /** The sum that the engine trained on; undefined where it recorded the functions alone. */
  readonly reward?: number | null
  /** Null where the engine did not keep it. */
  readonly advantage: number | null
  /** Null where the engine did not keep it. */
  readonly finishReason: 'stop' | 'length' | null
  /** In tokens; null where the engine did not keep it. */
  readonly length: number | null
}

/** What an engine sampled for a step. */
export interface EngineStep {
  /** From 1. */
  readonly step: number
  /** In the order of its files. */
  readonly completions: readonly EngineCompletion[]
}

/** What another engine left on the disk. */
export interface EngineOutput {
  /** `TRL 1.16.0`: the engine, and its version where its files say it. */
  readonly engine: string
  /** By our names where they mean the same; in the order of the steps, each once. */
  readonly metrics: readonly MetricsLine[]
  /** Reads the completions step by step. Adds to `notes` what cannot be read. */
  readonly steps: () => AsyncIterable<EngineStep>
  /** Folder of the adapter in PEFT's layout; null where none came back. */
  readonly adapter: string | null
  /** Folder of a tokenizer that the engine saved beside its model; null for none. */
  readonly tokenizer: string | null
  /** What could not be read, and what is missing, in sentences. */
  readonly notes: string[]
}
