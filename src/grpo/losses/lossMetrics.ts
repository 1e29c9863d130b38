import { lossTypes } from './lossTypes.js'
import type { GRPOConfig } from '../config/config.js'
import { dividesByBatchTokens } from './aggregation.js'
import { entropyTotals } from './entropyControl.js'
import { importanceRatios } from './lossValues.js'
import type { ImportanceRatios, LossConfig, LossValues } from './lossValues.js'
import { vespoWeights } from './policyTerm.js'

/**
 * Metrics of the loss of one micro-batch with TRL's names, in f64; TRL logs their mean over the micro-batches since
 * the last log.
 *
 * - `entropy` and, with beta ≠ 0, `kl` (with the factor of useBiasCorrectionKl): means over the unmasked tokens
 * - `clip_ratio/low_mean`: fraction of the unmasked tokens with ρ < 1 - ε and A < 0, where ρ is the ratio after the cap δ
 * - `clip_ratio/high_mean`: with ρ > 1 + ε_high and A > 0; `clip_ratio/region_mean`: with either
 * - `clip_ratio/low_min`, `clip_ratio/high_max`: extremes of these over completions, NaN when all are masked
 * - `cispo_clip_ratio` instead for cispo: fraction with ρ > ε_high and A > 0
 * - `vespo/phi_seq_mean` instead for vespo: mean weight of a completion; sapo has neither
 *
 * At sequence level the fractions are of completions, masked ones included.
 */
export function lossMetrics(
  inputs: LossValues,
  config: LossConfig,
  /** What the loss has computed already. */
  known: { readonly ratios?: ImportanceRatios; readonly phis?: readonly number[] } = {},
): Record<string, number> {
  const [rows, tokens] = inputs.shape
  const { completionMask: mask, advantages } = inputs
  const { ratio, rowTokens, logRatio } = known.ratios ?? importanceRatios(inputs, config)
  const numTokens = Math.max(
    rowTokens.reduce((sum, count) => sum + count, 0),
    1,
  )
  const isSequenceLevel = config.importanceSamplingLevel === 'sequence'

  /**
   * For each completion the number of tokens that fulfil the condition and the number that count; at sequence level
   * of 1.
   */
  const countRows = (condition: (ratio: number, advantage: number) => boolean): { hits: number; of: number }[] =>
    rowTokens.map((count, row) => {
      const hit = (i: number): number => (condition(ratio[i]!, advantages[row]!) ? 1 : 0)
      if (isSequenceLevel) return { hits: hit(row * tokens), of: 1 }
      return { hits: sumOver(tokens, (t) => hit(row * tokens + t) * mask[row * tokens + t]!), of: count }
    })

  const metrics: Record<string, number> = {}
  if (config.beta !== 0) {
    const kl = (i: number): number => {
      const difference = inputs.refLogProbs![i]! - inputs.logProbs[i]!
      return (Math.exp(difference) - difference - 1) * (config.useBiasCorrectionKl ? ratio[i]! : 1)
    }
    metrics.kl = sumOver(rows * tokens, (i) => (mask[i] === 0 ? 0 : kl(i))) / numTokens
  }
  metrics.entropy = sumOver(rows * tokens, (i) => (mask[i] === 0 ? 0 : inputs.entropies[i]!)) / numTokens

  const epsilonHigh = config.epsilonHigh ?? config.epsilon
  const { term } = lossTypes[config.lossType]
  if (term === 'cispo') {
    metrics.cispo_clip_ratio = meanOf(countRows((ratio, advantage) => ratio > epsilonHigh && advantage > 0))
  } else if (term === 'vespo') {
    metrics['vespo/phi_seq_mean'] = meanOfNumbers(known.phis ?? vespoWeights(inputs, logRatio, config))
  } else if (term === 'clipped') {
    const cap = config.delta ?? Infinity
    const low = countRows((ratio, advantage) => Math.min(ratio, cap) < 1 - config.epsilon && advantage < 0)
    const high = countRows((ratio, advantage) => Math.min(ratio, cap) > 1 + epsilonHigh && advantage > 0)
    metrics['clip_ratio/low_mean'] = meanOf(low)
    metrics['clip_ratio/high_mean'] = meanOf(high)
    metrics['clip_ratio/region_mean'] = meanOf(low) + meanOf(high)
    metrics['clip_ratio/low_min'] = extremeOf(low, Math.min)
    metrics['clip_ratio/high_max'] = extremeOf(high, Math.max)
  }
  return metrics
}

/**
 * The metric `policy_loss`, which TRL logs when there is an entropy bonus: the loss without the bonus and, for the
 * loss types that are averaged over micro-batches, without the division by their number.
 */
export function policyLoss(
  loss: number, // as returned by microBatchLoss
  inputs: Pick<LossValues, 'entropies' | 'completionMask'>,
  { entropyCoef, gradientAccumulationSteps }: { entropyCoef: number; gradientAccumulationSteps: number },
  config: Pick<GRPOConfig, 'lossType' | 'topEntropyQuantile'>,
): number {
  const { sum, count } = entropyTotals(inputs.entropies, inputs.completionMask, config.topEntropyQuantile)
  const withoutBonus = loss + (entropyCoef * sum) / Math.max(count, 1) / gradientAccumulationSteps
  return dividesByBatchTokens(config.lossType) ? withoutBonus : withoutBonus * gradientAccumulationSteps
}

function sumOver(count: number, term: (i: number) => number): number {
  let sum = 0
  for (let i = 0; i < count; i++) sum += term(i)
  return sum
}

function meanOfNumbers(values: readonly number[]): number {
  return sumOver(values.length, (i) => values[i]!) / values.length
}

function meanOf(rows: readonly { hits: number; of: number }[]): number {
  const count = sumOver(rows.length, (i) => rows[i]!.of)
  return sumOver(rows.length, (i) => rows[i]!.hits) / Math.max(count, 1)
}

function extremeOf(rows: readonly { hits: number; of: number }[], pick: (...values: number[]) => number): number {
  const fractions = rows.filter((row) => row.of > 0).map((row) => row.hits / row.of)
  return fractions.length > 0 ? pick(...fractions) : NaN
}
