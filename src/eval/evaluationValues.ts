// Made from schemas by `npm run generate`: change it there.

/** How completions are drawn and intervals computed. All may be left out. */
export interface EvaluationValues {
  /** Longest completion, in tokens. Defaults to 512, or half of the positions of a model with fewer than 1024. */
  readonly maxCompletionLength?: number | undefined
  /** Of the sampled completions. Defaults to 1. */
  readonly temperature?: number | undefined
  /** Sample among the k most likely tokens; 0 = all. Defaults to 0. */
  readonly topK?: number | undefined
  /** Sample among the most likely tokens that together have this probability. Defaults to 1. */
  readonly topP?: number | undefined
  /** Sample among tokens with at least this fraction of the probability of the most likely one; 0 = all. Defaults to 0. */
  readonly minP?: number | null | undefined
  /** Divides positive (multiplies negative) logits of tokens that already occurred; 1 = off. Defaults to 1. */
  readonly repetitionPenalty?: number | undefined
  /** A completion ends when its text contains one of these. Defaults to []. */
  readonly stopStrings?: readonly string[] | undefined
  /** Answers each problem once by the likeliest tokens (temperature 0). Defaults to true. */
  readonly greedy?: boolean | undefined
  /** Completions of each problem to sample; pass@k is told for k up to it; 0 = none. Defaults to 4. */
  readonly samples?: number | undefined
  /** Of sampling and of the resampling for intervals. The same seed gives the same evaluation. Defaults to 0. */
  readonly seed?: number | undefined
  /** Of all intervals. Defaults to 0.95. */
  readonly confidence?: number | undefined
  /** Draws of a bootstrap interval or a permutation test. Defaults to 10000. */
  readonly resamples?: number | undefined
}
