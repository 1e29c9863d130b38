import type { GRPOConfig } from '../config/config.js'
import type { LossConfig } from './grpoLoss.js'
import { dividesByBatchTokens } from './aggregation.js'
import { entropyTotals } from './entropyControl.js'

/**
 * The inputs of the loss of one micro-batch as they lie on the host, row-major. Log-probabilities and entropies in
 * nats.
 */
export interface LossMetricInputs {
  readonly shape: readonly [number, number] // [B, T]
  readonly logProbs: ArrayLike<number> // [B · T]
  readonly entropies: ArrayLike<number> // [B · T]
  readonly oldLogProbs?: ArrayLike<number> | null // [B · T] absent = equal to logProbs
  readonly refLogProbs?: ArrayLike<number> | null // [B · T] needed for beta ≠ 0
  readonly completionMask: ArrayLike<number> // [B · T]
  readonly advantages: ArrayLike<number> // [B]
  readonly importanceSamplingRatio?: ArrayLike<number> | null // [B · T] or [B], read by vespo only
}

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
export function lossMetrics(inputs: LossMetricInputs, config: LossConfig): Record<string, number> {
  const [rows, tokens] = inputs.shape
  const { completionMask: mask, advantages } = inputs
  const logRatio = logRatioOf(inputs)
  const rowTokens = Array.from({ length: rows }, (_, row) => sumOver(tokens, (t) => mask[row * tokens + t]!))
  const sumOfTokens = rowTokens.reduce((sum, count) => sum + count, 0)
  const numTokens = Math.max(sumOfTokens, 1)
  const isSequenceLevel = config.importanceSamplingLevel === 'sequence'
  const sequenceRatio = rowTokens.map((count, row) =>
    Math.exp(sumOver(tokens, (t) => logRatio[row * tokens + t]!) / Math.max(count, 1)),
  )
  const ratioAt = (row: number, i: number): number => (isSequenceLevel ? sequenceRatio[row]! : Math.exp(logRatio[i]!))

  /**
   * For each completion the number of tokens that fulfil the condition and the number that count; at sequence level
   * of 1.
   */
  const countRows = (condition: (ratio: number, advantage: number) => boolean): { hits: number; of: number }[] =>
    rowTokens.map((count, row) => {
      const hit = (i: number): number => (condition(ratioAt(row, i), advantages[row]!) ? 1 : 0)
      if (isSequenceLevel) return { hits: hit(row * tokens), of: 1 }
      return { hits: sumOver(tokens, (t) => hit(row * tokens + t) * mask[row * tokens + t]!), of: count }
    })

  const metrics: Record<string, number> = {}
  if (config.beta !== 0) {
    const kl = (row: number, i: number): number => {
      const difference = inputs.refLogProbs![i]! - inputs.logProbs[i]!
      return (Math.exp(difference) - difference - 1) * (config.useBiasCorrectionKl ? ratioAt(row, i) : 1)
    }
    metrics.kl = sumOver(rows * tokens, (i) => (mask[i] === 0 ? 0 : kl(Math.floor(i / tokens), i))) / numTokens
  }
  metrics.entropy = sumOver(rows * tokens, (i) => (mask[i] === 0 ? 0 : inputs.entropies[i]!)) / numTokens

  const epsilonHigh = config.epsilonHigh ?? config.epsilon
  if (config.lossType === 'cispo') {
    metrics.cispo_clip_ratio = meanOf(countRows((ratio, advantage) => ratio > epsilonHigh && advantage > 0))
  } else if (config.lossType === 'vespo') {
    metrics['vespo/phi_seq_mean'] = sumOver(rows, (row) => gammaWeight(inputs, logRatio, row, config)) / rows
  } else if (config.lossType !== 'sapo') {
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
  loss: number, // as returned by grpoLoss
  inputs: Pick<LossMetricInputs, 'entropies' | 'completionMask'>,
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

/** [B · T] log π - log π_old, 0 where masked. */
function logRatioOf({ logProbs, oldLogProbs, completionMask }: LossMetricInputs): Float64Array {
  return Float64Array.from(logProbs, (logProb, i) =>
    oldLogProbs && completionMask[i] !== 0 ? logProb - oldLogProbs[i]! : 0,
  )
}

function meanOf(rows: readonly { hits: number; of: number }[]): number {
  const count = sumOver(rows.length, (i) => rows[i]!.of)
  return sumOver(rows.length, (i) => rows[i]!.hits) / Math.max(count, 1)
}

function extremeOf(rows: readonly { hits: number; of: number }[], pick: (...values: number[]) => number): number {
  const fractions = rows.filter((row) => row.of > 0).map((row) => row.hits / row.of)
  return fractions.length > 0 ? pick(...fractions) : NaN
}

/** VESPO's φ of one completion; see vespoLoss for the formula. */
function gammaWeight(
  { shape, advantages, completionMask, importanceSamplingRatio: sampling }: LossMetricInputs,
  logRatio: Float64Array, // [B · T]
  row: number,
  config: LossConfig,
): number {
  const [rows, tokens] = shape
  const clamp = (x: number, min: number): number => Math.min(Math.max(x, min), 20)
  const logMin = Math.log(1e-8)
  let logWeight = sumOver(tokens, (t) => clamp(logRatio[row * tokens + t]!, -20))
  if (sampling?.length === rows) logWeight += clamp(Math.log(sampling[row]!), logMin)
  else if (sampling) {
    logWeight += sumOver(tokens, (t) => {
      const i = row * tokens + t
      return completionMask[i] === 0 ? 0 : clamp(Math.log(sampling[i]!), logMin)
    })
  }
  logWeight = clamp(logWeight, logMin)
  const isNonNegative = advantages[row]! >= 0
  const k = isNonNegative ? config.vespoKPos : config.vespoKNeg
  const lambda = Math.max(isNonNegative ? config.vespoLambdaPos : config.vespoLambdaNeg, 1e-4)
  const phi = Math.fround(Math.exp(lambda + k * logWeight - lambda * Math.exp(logWeight)))
  return Number.isFinite(phi) ? phi : 0
}
