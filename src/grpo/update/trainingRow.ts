/** A completion as the update sees it. */
export interface TrainingRow {
  /** Rows of a group share the same array. */
  readonly promptIds: readonly number[] // [P]
  /** Tokens of the completion. */
  readonly completionIds: readonly number[] // [L]
  /** How much better than its group the completion was: what its tokens are weighted by. */
  readonly advantage: number
  /** False leaves the completion out of the loss (maskTruncatedCompletions). */
  readonly inLoss: boolean
  /** log π of each token when it was sampled, in nats; null when the completion comes from elsewhere. */
  readonly samplingLogProbs: readonly number[] | null // [L]
  /** Entropy of the distribution that each token was drawn from, in nats; null when the completion comes from elsewhere. */
  readonly samplingEntropies: readonly number[] | null // [L]
  /** log π under the policy that the ratio is taken to; null for the policy as it is (on-policy). */
  readonly oldLogProbs: readonly number[] | null // [L]
  /** log π under the reference policy; null when beta is 0. */
  readonly refLogProbs: readonly number[] | null // [L]
}
