import type { TrainOptions } from '../../grpo/config/trainConfig.js'
import type { TaskOptions } from '../../tasks/loadTask.js'

/** What a thread that scores is told when it starts. */
export interface ScoringThreadData {
  /** Names task and rewards. */
  readonly run: TrainOptions
  readonly task: TaskOptions
  /** Milliseconds that a reward function may take for a completion. */
  readonly timeout: number
  /** Three numbers that the thread keeps up to date even where it never comes back: see {@link Place}. */
  readonly place: SharedArrayBuffer
}

/** The numbers of {@link ScoringThreadData.place}. */
export const Place = {
  /** Changes all the time while the thread is not stuck. */
  pulse: 0,
  /** Place in the job of the completion that is scored now, by code that has not yet given back control; -1 for none. */
  sample: 1,
  /** Place of the reward function that scores it. */
  reward: 2,
} as const

/** A completion that is to be scored; the thread has its problem. */
export interface ScoringSample {
  readonly problemId: string
  readonly prompt: string
  readonly completion: string
  readonly ids: readonly number[]
  readonly finishReason: 'stop' | 'length'
}

/** What a thread is to do. */
export interface ScoringJob {
  readonly samples: readonly ScoringSample[]
  /** Places of completions in `samples`, each with that of a reward function which scores it; with `isBatch` all those of one function. */
  readonly pairs: readonly (readonly [sample: number, reward: number])[]
  /** Whether the function gets all completions at once. */
  readonly isBatch: boolean
}

/** What a reward function says about a completion: a value, or why there is none. */
export type Outcome =
  | { readonly value: number | null; readonly error?: undefined }
  | { readonly value: null; readonly error: string; readonly isTimeout: boolean }

/** What a thread tells. */
export type ScoringMessage =
  | { readonly isReady: true }
  | { readonly isDone: true }
  | { readonly sample: number; readonly reward: number; readonly outcome: Outcome }
  /** Something that nothing catches: no completion can be named for it. */
  | { readonly escaped: string }
