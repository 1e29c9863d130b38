// Made from schemas by `npm run generate`: change it there.

/** Options of pre-training. All may be left out. */
export interface PretrainOptions {
  /** Width of the residual stream. Defaults to 128. */
  readonly hiddenSize?: number | undefined
  /** Width of the feed-forward layers. Defaults to 384. */
  readonly intermediateSize?: number | undefined
  /** Decoder layers. Defaults to 5. */
  readonly numLayers?: number | undefined
  /** Attention heads. Defaults to 4. */
  readonly numHeads?: number | undefined
  /** Heads of keys and values. Defaults to 2. */
  readonly numKeyValueHeads?: number | undefined
  /** Longest sequence, in tokens. Defaults to 512. */
  readonly maxPositions?: number | undefined
  /** Tokens: the bytes, the special tokens, and merges learned from the corpus. Defaults to 560. */
  readonly vocabularySize?: number | undefined
  /**
   * How often problems are answered by the number alone, calculations in a line, steps, or steps with checks. Defaults
   * to {"answer":0.4,"calculation":0.15,"steps":0.15,"checked":0.3}.
   */
  readonly styles?:
    | { readonly answer: number; readonly calculation: number; readonly steps: number; readonly checked: number }
    | undefined
  /** The same while the learning rate decays; null = styles. Defaults to null. */
  readonly decayStyles?:
    | { readonly answer: number; readonly calculation: number; readonly steps: number; readonly checked: number }
    | null
    | undefined
  /**
   * How often a result is wrong by a slip, in each style; in `checked` at the first attempt. Defaults to
   * {"answer":0.1,"calculation":0.3,"steps":0.15,"checked":0.15}.
   */
  readonly slipRates?:
    | { readonly answer: number; readonly calculation: number; readonly steps: number; readonly checked: number }
    | undefined
  /** The same while the learning rate decays; null = slipRates. Defaults to null. */
  readonly decaySlipRates?:
    | { readonly answer: number; readonly calculation: number; readonly steps: number; readonly checked: number }
    | null
    | undefined
  /** Answers that a problem is given; they share the computation of its text. Defaults to 2. */
  readonly answersPerProblem?: number | undefined
  /**
   * Share of the problems told in many wordings, of one to four calculations; the others are those of task
   * word-problems. Defaults to 0.75.
   */
  readonly variedShare?: number | undefined
  /** Share of the tokens that are problems of tasks orderings and small-programs. Defaults to 0.1. */
  readonly exerciseShare?: number | undefined
  /** Share of the tokens that are drills: single calculations. Defaults to 0.25. */
  readonly drillShare?: number | undefined
  /** Share of the problems whose text is learned too, beside the answer. Defaults to 0.2. */
  readonly questionShare?: number | undefined
  /** Updates. Defaults to 6000. */
  readonly maxSteps?: number | undefined
  /** Tokens of an update. Defaults to 2048. */
  readonly tokensPerStep?: number | undefined
  /** Learning rate after the warm-up. Defaults to 0.0025. */
  readonly learningRate?: number | undefined
  /** Updates in which the learning rate rises linearly from 0. Defaults to 100. */
  readonly warmupSteps?: number | undefined
  /** Last updates, in which it falls linearly to 0. Defaults to 1500. */
  readonly decaySteps?: number | undefined
  /** Decay of AdamW's mean of gradients. Defaults to 0.9. */
  readonly adamBeta1?: number | undefined
  /** Decay of AdamW's mean of squared gradients. Defaults to 0.98. */
  readonly adamBeta2?: number | undefined
  /** Added to AdamW's denominator. Defaults to 1e-8. */
  readonly adamEpsilon?: number | undefined
  /** Decoupled weight decay of AdamW. Defaults to 0. */
  readonly weightDecay?: number | undefined
  /** The norm of all gradients is clipped to this; 0 = no clipping. Defaults to 1. */
  readonly maxGradNorm?: number | undefined
  /** Seed of the weights and the corpus. Defaults to 0. */
  readonly seed?: number | undefined
  /** Updates between two checkpoints. Defaults to 500. */
  readonly saveSteps?: number | undefined
}
