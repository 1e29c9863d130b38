// Made from schemas by `npm run generate`: change it there.

/** How completions are drawn. All may be left out. */
export interface SamplingSettings {
  /** Longest completion, in tokens. Defaults to 512. */
  readonly maxCompletionLength?: number | undefined
  /** Divides the logits; 0 takes the likeliest token. Defaults to 1. */
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
}
