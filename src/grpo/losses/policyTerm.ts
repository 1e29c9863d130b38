import { lossTypes } from './lossTypes.js'
import type { LossConfig, LossValues } from './lossValues.js'

/** The loss of a token before masks and weights, and its derivatives. */
export interface PolicyTerm {
  readonly loss: number
  /** With respect to the ratio ρ, which moves with log π: dρ / d log π = ρ. */
  readonly dRatio: number
  /** With respect to log π where it stands in the loss itself, outside ρ. */
  readonly dLogProb: number
}

/**
 * The policy term of the loss types for one token, in closed form; perTokenLosses.ts has them as compositions of tensor
 * operations, with the papers.
 *
 * - grpo, bnpo, dr_grpo, dapo, luspo: -min(min(ρ, δ) A, clip(ρ, 1 - ε, 1 + ε_high) A)
 * - cispo: -sg(min(ρ, ε_high)) A log π
 * - sapo: -σ(τ (ρ - 1)) · 4 / τ · A
 * - vespo: -φ A log π
 */
export function policyTerm(
  config: LossConfig,
  token: {
    readonly logProb: number
    readonly ratio: number
    readonly advantage: number
    /** vespo's weight of the completion. */
    readonly phi: number
  },
): PolicyTerm {
  const { logProb, ratio, advantage } = token
  switch (lossTypes[config.lossType].term) {
    case 'cispo': {
      const weight = Math.min(ratio, config.epsilonHigh ?? config.epsilon) * advantage
      return { loss: -weight * logProb, dRatio: 0, dLogProb: -weight }
    }
    case 'vespo': {
      const weight = token.phi * advantage
      return { loss: -weight * logProb, dRatio: 0, dLogProb: -weight }
    }
    case 'sapo': {
      const temperature = advantage > 0 ? config.sapoTemperaturePos : config.sapoTemperatureNeg
      const gate = 1 / (1 + Math.exp(-temperature * (ratio - 1)))
      return {
        loss: (-4 * gate * advantage) / temperature,
        dRatio: -4 * gate * (1 - gate) * advantage,
        dLogProb: 0,
      }
    }
    case 'clipped':
      return clippedTerm(config, ratio, advantage)
  }
}

/** Where two branches are equal the gradient is that of the unclipped one, as in PyTorch. */
function clippedTerm(config: LossConfig, ratio: number, advantage: number): PolicyTerm {
  const cap = config.delta ?? Infinity
  const [low, high] = [1 - config.epsilon, 1 + (config.epsilonHigh ?? config.epsilon)]
  const capped = Math.min(ratio, cap)
  const clipped = Math.min(Math.max(ratio, low), high)
  const isCapped = capped * advantage <= clipped * advantage
  const moves = isCapped ? ratio <= cap : ratio >= low && ratio <= high
  return { loss: -(isCapped ? capped : clipped) * advantage, dRatio: moves ? -advantage : 0, dLogProb: 0 }
}

/** Bounds of log w, those of TRL and of VESPO's own code. */
const LOG_WEIGHT_MIN = Math.log(1e-8)
const LOG_WEIGHT_MAX = 20

/**
 * VESPO's weight of each completion (arXiv 2602.10693): φ(w) = exp(λ + k log w - λ w), so that φ(1) = 1; log w sums the
 * completion's log-ratios and those to the sampler. 0 where f32 would overflow, as in TRL.
 */
export function vespoWeights(
  { shape, completionMask: mask, advantages, importanceSamplingRatio: sampling }: LossValues,
  logRatio: Float64Array, // [B · T] 0 where masked
  config: LossConfig,
): number[] /* [B] */ {
  const [rows, tokens] = shape
  const clamp = (x: number, min: number): number => Math.min(Math.max(x, min), LOG_WEIGHT_MAX)
  // A ratio that was masked out (0) counts as 1e-8. A ratio of the whole completion counts once.
  const logSampling = (ratio: number): number => clamp(Math.log(ratio), LOG_WEIGHT_MIN)
  return Array.from({ length: rows }, (_, row) => {
    let logWeight = sampling?.length === rows ? logSampling(sampling[row]!) : 0
    for (let i = row * tokens; i < (row + 1) * tokens; i++) {
      logWeight += clamp(logRatio[i]!, -20)
      if (sampling && sampling.length !== rows && mask[i] !== 0) logWeight += logSampling(sampling[i]!)
    }
    logWeight = clamp(logWeight, LOG_WEIGHT_MIN)
    const isNonNegative = advantages[row]! >= 0
    const k = isNonNegative ? config.vespoKPos : config.vespoKNeg
    const lambda = Math.max(isNonNegative ? config.vespoLambdaPos : config.vespoLambdaNeg, 1e-4)
    const phi = Math.fround(Math.exp(lambda + k * logWeight - lambda * Math.exp(logWeight)))
    return Number.isFinite(phi) ? phi : 0
  })
}
