import * as tf from '../../bundled/tfjs.js'
import type { GRPOConfig } from '../config/config.js'
import { noGradient } from './noGradient.js'

/** What the loss of a token is made of; [B, 1] broadcasts over the tokens of a completion. */
export interface PerTokenLossInputs {
  logProbs: tf.Tensor2D // [B, T] log π(o_t), 0 where masked
  logRatio: tf.Tensor2D // [B, T] log π - log π_old, 0 where masked
  logImportanceRatio: tf.Tensor2D // [B, T] or [B, 1]
  ratio: tf.Tensor2D // exp(logImportanceRatio)
  mask: tf.Tensor2D // [B, T]
  advantages: tf.Tensor2D // [B, 1]
  importanceSamplingRatio: tf.Tensor2D | null // [B, T] or [B, 1] π_old / π_sampler
}

/**
 * The clipped surrogate of PPO (arXiv 1707.06347), used by grpo, bnpo, dr_grpo, dapo and luspo:
 * -min(min(ρ, δ) A, clip(ρ, 1 - ε, 1 + ε_high) A).
 *
 * ε_high > ε is DAPO's clip-higher (arXiv 2503.14476); the cap δ, if set, bounds the loss of a negative advantage too
 * (INTELLECT-2, arXiv 2505.07291).
 */
export function clippedLoss(
  { ratio, advantages }: PerTokenLossInputs,
  config: Pick<GRPOConfig, 'epsilon' | 'epsilonHigh' | 'delta'>,
): tf.Tensor2D {
  const clipped = tf.clipByValue(ratio, 1 - config.epsilon, 1 + (config.epsilonHigh ?? config.epsilon))
  const capped = config.delta === null ? ratio : tf.minimum(ratio, config.delta)
  const surrogate: tf.Tensor2D = tf.minimum(tf.mul(capped, advantages), tf.mul(clipped, advantages))
  return tf.neg(surrogate)
}

/**
 * CISPO (MiniMax-M1, arXiv 2506.13585): -sg(min(ρ, ε_high)) A log π. ε_high is the absolute cap of the ratio
 * (ScaleRL, arXiv 2510.13786: 5), and every token keeps its gradient.
 */
export function cispoLoss(
  { logImportanceRatio, advantages, logProbs }: PerTokenLossInputs,
  config: Pick<GRPOConfig, 'epsilon' | 'epsilonHigh'>,
): tf.Tensor2D {
  const cap = config.epsilonHigh ?? config.epsilon
  const weights = noGradient((x) => tf.minimum(tf.exp(x), cap), logImportanceRatio)
  return tf.mul(tf.mul(tf.neg(weights), advantages), logProbs)
}

/** SAPO (arXiv 2511.20347): -σ(τ (ρ - 1)) · 4 / τ · A, with temperature τ of its own for positive advantages. */
export function sapoLoss(
  { ratio, advantages }: PerTokenLossInputs,
  config: Pick<GRPOConfig, 'sapoTemperaturePos' | 'sapoTemperatureNeg'>,
): tf.Tensor2D {
  const temperature = select(tf.greater(advantages, 0), config.sapoTemperaturePos, config.sapoTemperatureNeg)
  const gate = tf.div(tf.mul(tf.sigmoid(tf.mul(temperature, tf.sub(ratio, 1))), 4), temperature)
  return tf.mul(tf.neg(gate), advantages)
}

/** VESPO (arXiv 2602.10693): -φ(w) A log π, with w the ratio of the whole completion and no gradient through φ. */
export function vespoLoss(inputs: PerTokenLossInputs, config: VespoConfig): tf.Tensor2D {
  const weights = noGradient((logRatio) => gammaWeights({ ...inputs, logRatio }, config), inputs.logRatio)
  return tf.mul(tf.mul(tf.neg(weights), inputs.advantages), inputs.logProbs)
}

type VespoConfig = Pick<GRPOConfig, 'vespoKPos' | 'vespoLambdaPos' | 'vespoKNeg' | 'vespoLambdaNeg'>

/** Bounds of log w, those of TRL and of VESPO's own code. */
const LOG_WEIGHT_MIN = Math.log(1e-8)
const LOG_WEIGHT_MAX = 20
/** Largest x whose exp(x) is finite in f32; above it TRL sets φ to 0. */
const LOG_FLOAT32_MAX = 88.7

/**
 * φ(w) = exp(λ + k log w - λ w), so that φ(1) = 1; log w sums the completion's log-ratios and those to the sampler.
 * Returns [B, 1].
 */
function gammaWeights(
  { logRatio, mask, advantages, importanceSamplingRatio }: PerTokenLossInputs,
  config: VespoConfig,
): tf.Tensor2D {
  let logWeight: tf.Tensor2D = tf.sum(tf.clipByValue(logRatio, -20, 20), 1, true)
  if (importanceSamplingRatio !== null) {
    // A ratio that was masked out (0) counts as 1e-8. A ratio of the whole completion counts once.
    const log: tf.Tensor2D = tf.minimum(tf.log(tf.maximum(importanceSamplingRatio, 1e-8)), LOG_WEIGHT_MAX)
    logWeight = tf.add(logWeight, tf.sum(log.shape[1] === 1 ? log : tf.mul(log, mask), 1, true))
  }
  logWeight = tf.clipByValue(logWeight, LOG_WEIGHT_MIN, LOG_WEIGHT_MAX)
  const isNonNegative = tf.greaterEqual(advantages, 0)
  const k = select(isNonNegative, config.vespoKPos, config.vespoKNeg)
  const lambda = select(isNonNegative, Math.max(config.vespoLambdaPos, 1e-4), Math.max(config.vespoLambdaNeg, 1e-4))
  const logPhi = tf.sub(tf.add(lambda, tf.mul(k, logWeight)), tf.mul(lambda, tf.exp(logWeight)))
  const isFinite = tf.cast(tf.lessEqual(logPhi, LOG_FLOAT32_MAX), 'float32')
  return tf.mul(tf.exp(tf.minimum(logPhi, LOG_FLOAT32_MAX)), isFinite)
}

/** One of two numbers for each row; cheaper than tf.where, which tiles its operands. */
function select(condition: tf.Tensor, ifTrue: number, ifFalse: number): tf.Tensor2D {
  const chosen = tf.cast(condition, 'float32')
  return tf.add(tf.mul(chosen, ifTrue), tf.mul(tf.sub(1, chosen), ifFalse))
}
