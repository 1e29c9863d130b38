import { ConfigError } from '../../errors.js'
import type { BatchPosition } from './aggregation.js'
import { entropyThreshold } from './entropyControl.js'
import { lossMetrics } from './lossMetrics.js'
import { importanceRatios } from './lossValues.js'
import type { LossConfig, LossValues } from './lossValues.js'
import { policyTerm, vespoWeights } from './policyTerm.js'
import { tokenWeights } from './tokenWeights.js'

/** The loss of a micro-batch, where it pulls, and what is told about it. */
export interface MicroBatchLoss {
  /** Already divided for gradient accumulation. */
  readonly loss: number
  /** [B · T] d loss / d log π of each token. */
  readonly dLogProbs: Float32Array
  /** [B · T] d loss / d entropy of each token; null without an entropy bonus. */
  readonly dEntropies: Float32Array | null
  /** entropy, kl, clip_ratio/…: see {@link lossMetrics}. */
  readonly metrics: Record<string, number>
}

/**
 * The loss of one micro-batch (TRL 1.16's `_compute_loss`) with its derivatives in closed form and its metrics, in one pass
 * over the tokens, in f64:
 *
 * L = Σ c (ℓ · off-policy mask · high-entropy mask · importanceSamplingRatio + β · KL) - entropyCoef · mean entropy / a
 *
 * ℓ is the loss type's {@link policyTerm}, c its {@link tokenWeights}, a = gradientAccumulationSteps. KL is k3,
 * exp(d) - d - 1 with d = log π_ref - log π, times the ratio with useBiasCorrectionKl (DeepSeek-V3.2, arXiv 2512.02556), and
 * is not touched by the masks and weights of the policy term. vespo takes the importance-sampling ratio into its own weight.
 * On-policy the ratio is 1 and the loss nearly 0, but its gradient is not.
 *
 * {@link grpoLoss} is the same as a composition of differentiable tensor operations, to compare with.
 *
 * Masked positions may hold anything: they change nothing and get a gradient of exactly 0.
 * @throws ConfigError when values that the options need are missing
 */
export function microBatchLoss(
  values: LossValues,
  /** All that is not said is as where the micro-batch is the whole generation batch. */
  position: Pick<BatchPosition, 'numItemsInBatch'> &
    Partial<BatchPosition> & {
      /** Coefficient of the entropy bonus in this optimizer step. Defaults to 0: no bonus. */
      entropyCoef?: number
    },
  config: LossConfig,
): MicroBatchLoss {
  const { gradientAccumulationSteps = 1, stepsPerGeneration = 1, entropyCoef = 0 } = position
  const { shape, logProbs, entropies, completionMask: mask, importanceSamplingRatio: sampling = null } = values
  const [rows, tokens] = shape
  const { beta, topEntropyQuantile } = config
  const refLogProbs = values.refLogProbs ?? null
  if (beta !== 0 && refLogProbs === null)
    throw new ConfigError('the loss: beta ≠ 0 needs refLogProbs, which were not given')
  const ratios = importanceRatios(values, config)
  const { logRatio, ratio, rowTokens } = ratios
  const weights = tokenWeights(
    rowTokens,
    { numItemsInBatch: position.numItemsInBatch, gradientAccumulationSteps, stepsPerGeneration },
    config,
  )
  const threshold = topEntropyQuantile < 1 ? entropyThreshold(entropies, mask, topEntropyQuantile) : -Infinity
  const isPerSequence = sampling !== null && sampling.length === rows
  const samplingAt = (row: number, i: number): number => (sampling === null ? 1 : sampling[isPerSequence ? row : i]!)
  const phis = config.lossType === 'vespo' ? vespoWeights(values, logRatio, config) : rowTokens.map(() => 1)

  const dLogProbs = new Float32Array(rows * tokens)
  let loss = 0
  let entropySum = 0
  let entropyCount = 0
  for (let row = 0; row < rows; row++) {
    const advantage = Math.fround(values.advantages[row]!)
    const keeps = isNearPolicy(row, advantage)
    /** Of the loss with respect to the mean log-ratio of the completion, at sequence level. */
    let dSequence = 0
    for (let i = row * tokens; i < (row + 1) * tokens; i++) {
      if (mask[i] === 0) continue
      const isHigh = Math.fround(entropies[i]!) >= threshold
      if (isHigh) {
        entropySum += entropies[i]!
        entropyCount++
      }
      let ofToken = 0
      let dRatio = 0
      let dLogProb = 0
      if (keeps && isHigh) {
        const term = policyTerm(config, { logProb: logProbs[i]!, ratio: ratio[i]!, advantage, phi: phis[row]! })
        const factor = config.lossType === 'vespo' ? 1 : samplingAt(row, i)
        ofToken = term.loss * factor
        dRatio = term.dRatio * factor
        dLogProb = term.dLogProb * factor
      }
      if (beta !== 0) {
        const difference = refLogProbs![i]! - logProbs[i]!
        const kl = Math.exp(difference) - difference - 1
        const corrected = config.useBiasCorrectionKl ? ratio[i]! : 1
        ofToken += beta * kl * corrected
        dLogProb += beta * (1 - Math.exp(difference)) * corrected
        if (config.useBiasCorrectionKl) dRatio += beta * kl
      }
      loss += weights[row]! * ofToken
      const throughRatio = dRatio * ratio[i]!
      if (config.importanceSamplingLevel === 'sequence') {
        dLogProbs[i] = weights[row]! * dLogProb
        dSequence += weights[row]! * throughRatio
      } else dLogProbs[i] = weights[row]! * (dLogProb + throughRatio)
    }
    if (dSequence !== 0) {
      for (let i = row * tokens; i < (row + 1) * tokens; i++) {
        if (mask[i] !== 0) dLogProbs[i]! += dSequence / rowTokens[row]!
      }
    }
  }
  const metrics = lossMetrics(values, config, { ratios, phis })
  if (entropyCoef === 0) return { loss, dLogProbs, dEntropies: null, metrics }
  const pull = -entropyCoef / gradientAccumulationSteps / Math.max(entropyCount, 1)
  const dEntropies = Float32Array.from({ length: rows * tokens }, (_, i) =>
    mask[i] !== 0 && Math.fround(entropies[i]!) >= threshold ? pull : 0,
  )
  return { loss: loss + pull * entropySum, dLogProbs, dEntropies, metrics }

  /**
   * The off-policy mask of DeepSeek-V3.2 (arXiv 2512.02556, equation 9): A ≥ 0, or the mean of log π_sampler - log π over the
   * completion is at most offPolicyMaskThreshold nats.
   */
  function isNearPolicy(row: number, advantage: number): boolean {
    const { offPolicyMaskThreshold: most } = config
    if (most === null || advantage >= 0) return true
    const sampler = values.samplingLogProbs ?? values.oldLogProbs ?? logProbs
    let sum = 0
    for (let i = row * tokens; i < (row + 1) * tokens; i++) if (mask[i] !== 0) sum += sampler[i]! - logProbs[i]!
    return sum / Math.max(rowTokens[row]!, 1) <= most
  }
}
