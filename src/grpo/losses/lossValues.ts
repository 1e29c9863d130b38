import type { GRPOConfig } from '../config/config.js'

/** The options that the loss reads. */
export type LossConfig = Pick<
  GRPOConfig,
  | 'lossType'
  | 'beta'
  | 'epsilon'
  | 'epsilonHigh'
  | 'delta'
  | 'importanceSamplingLevel'
  | 'useBiasCorrectionKl'
  | 'topEntropyQuantile'
  | 'offPolicyMaskThreshold'
  | 'maxCompletionLength'
  | 'sapoTemperaturePos'
  | 'sapoTemperatureNeg'
  | 'vespoKPos'
  | 'vespoLambdaPos'
  | 'vespoKNeg'
  | 'vespoLambdaNeg'
>

/**
 * A micro-batch of B completions of up to T tokens on the host, row-major. Log-probabilities and entropies are those of
 * softmax(logits / temperature), in nats. Masked positions may hold anything.
 */
export interface LossValues {
  /** B and T. */
  readonly shape: readonly [rows: number, tokens: number]
  /** [B · T] log π of the completion tokens. */
  readonly logProbs: ArrayLike<number>
  /** [B · T] entropy of the distribution of each token. */
  readonly entropies: ArrayLike<number>
  /** [B · T] log π that the ratio is taken to. Defaults to logProbs: on-policy. */
  readonly oldLogProbs?: ArrayLike<number> | null
  /** [B · T] log π_ref, needed for beta ≠ 0. */
  readonly refLogProbs?: ArrayLike<number> | null
  /** [B · T] for offPolicyMaskThreshold. Defaults to oldLogProbs. */
  readonly samplingLogProbs?: ArrayLike<number> | null
  /** [B · T] 1: the token is trained on; 0: padding, tool output or masked completion. */
  readonly completionMask: ArrayLike<number>
  /** [B] */
  readonly advantages: ArrayLike<number>
  /** [B · T] or [B] π_old / π_sampler. Defaults to 1. */
  readonly importanceSamplingRatio?: ArrayLike<number> | null
}

/** How far the policy has moved from the one that sampled, token by token. */
export interface ImportanceRatios {
  readonly logRatio: Float64Array // [B · T] log π - log π_old, 0 where masked
  readonly rowTokens: readonly number[] // [B] tokens that are trained on
  /** ρ of a token; at sequence level (GSPO, arXiv 2507.18071) exp of the mean of the completion's log-ratios. */
  readonly ratio: Float64Array // [B · T]
}

/** Computes ρ = π / π_old at the level of the config. */
export function importanceRatios(
  values: Pick<LossValues, 'shape' | 'logProbs' | 'oldLogProbs' | 'completionMask'>,
  { importanceSamplingLevel }: Pick<LossConfig, 'importanceSamplingLevel'>,
): ImportanceRatios {
  const { logProbs, oldLogProbs, completionMask: mask } = values
  const [rows, tokens] = values.shape
  const logRatio = new Float64Array(rows * tokens)
  const ratio = new Float64Array(rows * tokens)
  const rowTokens: number[] = []
  for (let row = 0; row < rows; row++) {
    let count = 0
    let sum = 0
    for (let i = row * tokens; i < (row + 1) * tokens; i++) {
      if (mask[i] === 0) continue
      count++
      if (oldLogProbs) sum += logRatio[i] = logProbs[i]! - oldLogProbs[i]!
    }
    rowTokens.push(count)
    const ofSequence = Math.exp(sum / Math.max(count, 1))
    for (let i = row * tokens; i < (row + 1) * tokens; i++) {
      ratio[i] = importanceSamplingLevel === 'sequence' ? ofSequence : Math.exp(logRatio[i]!)
    }
  }
  return { logRatio, rowTokens, ratio }
}
