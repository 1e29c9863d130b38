/** A micro-batch of B completions of up to T tokens, row-major. */
export interface RolloutLogProbs {
  readonly shape: readonly [number, number] // [B, T]
  readonly oldLogProbs: ArrayLike<number> // [B · T] nats, by the policy's training forward
  readonly samplingLogProbs: ArrayLike<number> // [B · T] nats, recorded while sampling
  readonly completionMask: ArrayLike<number> // [B · T]
}

export interface ImportanceSamplingOptions {
  /**
   * `token_*`: a ratio for each token; `sequence_*`: one for each completion. `*_truncate` clips it to the bounds,
   * `*_mask` sets it to 0 outside them.
   */
  mode: 'token_truncate' | 'token_mask' | 'sequence_truncate' | 'sequence_mask'
  /** Upper bound; null = none. */
  clipMax: number | null
  /** Lower bound; null = none. */
  clipMin: number | null
}

/**
 * Importance-sampling ratio π_old / π_sampler that corrects for a sampler whose numbers differ from the training
 * forward's (TRL's `vllm_importance_sampling_*`): exp of the difference of log-probabilities, of a token or summed
 * over the completion. Returns [B · T] or [B].
 */
export function importanceSamplingRatio(rollout: RolloutLogProbs, options: ImportanceSamplingOptions): Float32Array {
  const [rows, tokens] = rollout.shape
  const difference = (i: number): number =>
    rollout.completionMask[i] === 0 ? 0 : rollout.oldLogProbs[i]! - rollout.samplingLogProbs[i]!
  const { mode, clipMin, clipMax } = options
  const min = clipMin ?? -Infinity
  const max = clipMax ?? Infinity
  const bound = (ratio: number): number => {
    if (mode === 'token_truncate' || mode === 'sequence_truncate') return Math.min(Math.max(ratio, min), max)
    return ratio < min || ratio > max ? 0 : ratio
  }
  if (mode === 'token_truncate' || mode === 'token_mask') {
    return Float32Array.from({ length: rows * tokens }, (_, i) => bound(Math.exp(difference(i))))
  }
  return Float32Array.from({ length: rows }, (_, row) => {
    let sum = 0
    for (let t = 0; t < tokens; t++) sum += difference(row * tokens + t)
    return bound(Math.exp(sum))
  })
}

/**
 * How far the sampler's log-probabilities are from the training forward's, with TRL's names:
 * `sampling/sampling_logp_difference/mean` and `/max` of the absolute difference in nats over the unmasked tokens,
 * and, when a ratio is given, `sampling/importance_sampling_ratio/min`, `/mean` and `/max` of it as bounded. All are
 * 0 when there is no token.
 */
export function samplingMetrics(
  rollout: RolloutLogProbs,
  ratio: Float32Array | null, // [B · T] or [B] from importanceSamplingRatio
): Record<string, number> {
  const unmasked = (_: number, i: number): boolean => rollout.completionMask[i] !== 0
  const differences = Array.from(rollout.oldLogProbs, (old, i) => Math.abs(old - rollout.samplingLogProbs[i]!)).filter(
    unmasked,
  )
  const metrics = {
    'sampling/sampling_logp_difference/mean': summary(differences).mean,
    'sampling/sampling_logp_difference/max': summary(differences).max,
  }
  if (ratio === null) return metrics
  const isPerSequence = ratio.length === rollout.shape[0] && rollout.shape[1] !== 1
  const ratios = summary(isPerSequence ? Array.from(ratio) : Array.from(ratio).filter(unmasked))
  return {
    ...metrics,
    'sampling/importance_sampling_ratio/min': ratios.min,
    'sampling/importance_sampling_ratio/mean': ratios.mean,
    'sampling/importance_sampling_ratio/max': ratios.max,
  }
}

function summary(values: readonly number[]): { min: number; mean: number; max: number } {
  if (values.length === 0) return { min: 0, mean: 0, max: 0 }
  let min = Infinity
  let max = -Infinity
  let sum = 0
  for (const value of values) {
    min = Math.min(min, value)
    max = Math.max(max, value)
    sum += value
  }
  return { min, mean: sum / values.length, max }
}
