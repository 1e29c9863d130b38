/** A completion as the update sees it. */
export interface TrainingRow {
  /** [P] Rows of a group share the same array. */
  readonly promptIds: readonly number[]
  /** [L] Tokens of the completion. */
  readonly completionIds: readonly number[]
  /** [L] 1 where a token was sampled, 0 where it was given and is not trained on. Defaults to null: all were sampled. */
  readonly mask?: readonly number[] | null
  /** How much better than its group the completion was: what its tokens are weighted by. */
  readonly advantage: number
  /** False leaves the completion out of the loss (maskTruncatedCompletions). */
  readonly inLoss: boolean
  /** [L] log π of each token when it was sampled, in nats, by what sampled it; null when the completion comes from elsewhere. */
  readonly samplingLogProbs: readonly number[] | null
  /** [L] Entropy of the distribution that each token was drawn from, in nats; null when the completion comes from elsewhere. */
  readonly samplingEntropies: readonly number[] | null
  /** [L] log π under the policy that the ratio is taken to; null for the policy as it is (on-policy). */
  readonly oldLogProbs: readonly number[] | null
  /** [L] log π under the reference policy; null when beta is 0. */
  readonly refLogProbs: readonly number[] | null
  /** π_old / π_sampler, of each token or of the completion, where another engine sampled. Defaults to null: 1. */
  readonly importanceSamplingRatio?: readonly number[] | number | null // [L] or one
}

/** 1 where a token of the row is trained on, 0 where it is not. */
export function lossMask({
  completionIds,
  mask,
  inLoss = true,
}: Pick<TrainingRow, 'completionIds' | 'mask'> & Partial<Pick<TrainingRow, 'inLoss'>>): number[] /* [L] */ {
  return completionIds.map((_, t) => (inLoss && mask?.[t] !== 0 ? 1 : 0))
}

/** Tokens of a completion that were sampled, without those that were given. */
export function numSampled(ids: readonly number[], mask: readonly number[] | null | undefined): number {
  return mask ? mask.reduce((sum, sampled) => sum + sampled, 0) : ids.length
}
