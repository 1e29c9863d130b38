import type { GRPOConfig } from '../config/config.js'

/** A completion's tokens, scored by the policy's training engine and by what sampled them. */
export interface TwiceScored {
  readonly oldLogProbs: readonly number[] // [L] nats, when it was sampled, by the training engine
  readonly samplingLogProbs: readonly number[] // [L] nats, recorded while sampling
  readonly lossMask: readonly number[] // [L] 1: the token is trained on, 0: it is not
}

type ImportanceSamplingConfig = Pick<
  GRPOConfig,
  'vllmImportanceSamplingMode' | 'vllmImportanceSamplingClipMax' | 'vllmImportanceSamplingClipMin'
>

/**
 * Importance-sampling ratio π_old / π_sampler that corrects for a sampler whose numbers differ from the training engine's: exp
 * of the difference of log-probabilities, of each token or summed over the completion. The modes `*_truncate` clip it to the
 * bounds, `*_mask` set it to 0 outside them. Masked tokens have the ratio 1.
 * @returns [L], or one number for the completion
 */
export function importanceSamplingRatio(
  { oldLogProbs, samplingLogProbs, lossMask }: TwiceScored,
  config: ImportanceSamplingConfig,
): number[] | number {
  const differences = oldLogProbs.map((old, t) => (lossMask[t] === 0 ? 0 : old - samplingLogProbs[t]!))
  const { vllmImportanceSamplingMode: mode } = config
  const min = config.vllmImportanceSamplingClipMin ?? -Infinity
  const max = config.vllmImportanceSamplingClipMax ?? Infinity
  const bounded = (logRatio: number): number => {
    const ratio = Math.exp(logRatio)
    if (mode === 'token_truncate' || mode === 'sequence_truncate') return Math.min(Math.max(ratio, min), max)
    return ratio < min || ratio > max ? 0 : ratio
  }
  if (mode === 'token_truncate' || mode === 'token_mask') return differences.map(bounded)
  return bounded(differences.reduce((sum, difference) => sum + difference, 0))
}

/**
 * How far the sampler's log-probabilities are from the training engine's, with TRL's names:
 * `sampling/sampling_logp_difference/mean` and `/max` of the absolute difference in nats over the unmasked tokens,
 * and, when ratios are given, `sampling/importance_sampling_ratio/min`, `/mean` and `/max` of them as bounded. All are
 * 0 when there is no token.
 */
export function samplingMetrics(
  completions: readonly TwiceScored[],
  ratios: readonly (readonly number[] | number)[] | null, // from importanceSamplingRatio
): Record<string, number> {
  const unmasked = (values: readonly number[], { lossMask }: TwiceScored): number[] =>
    values.filter((_, t) => lossMask[t] !== 0)
  const differences = summary(
    completions.flatMap((completion) => {
      const { oldLogProbs, samplingLogProbs } = completion
      return unmasked(
        oldLogProbs.map((old, t) => Math.abs(old - samplingLogProbs[t]!)),
        completion,
      )
    }),
  )
  const metrics = {
    'sampling/sampling_logp_difference/mean': differences.mean,
    'sampling/sampling_logp_difference/max': differences.max,
  }
  if (ratios === null) return metrics
  const { min, mean, max } = summary(
    ratios.flatMap((ratio, i) => (typeof ratio === 'number' ? ratio : unmasked(ratio, completions[i]!))),
  )
  return {
    ...metrics,
    'sampling/importance_sampling_ratio/min': min,
    'sampling/importance_sampling_ratio/mean': mean,
    'sampling/importance_sampling_ratio/max': max,
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
