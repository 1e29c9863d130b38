import * as tf from '../../bundled/tfjs.js'
import { ConfigError, ShapeError } from '../../errors.js'
import { aggregateLoss, type BatchPosition } from './aggregation.js'
import { klDivergence, logImportanceRatio } from './importanceRatio.js'
import type { LossConfig } from './lossValues.js'
import { noGradient } from './noGradient.js'
import { lossTypes } from './lossTypes.js'
import { cispoLoss, clippedLoss, sapoLoss, vespoLoss, type PerTokenLossInputs } from './perTokenLosses.js'
import { highEntropyMask, offPolicyMask } from './tokenMasks.js'

/**
 * One micro-batch of B completions of up to T tokens.
 * Log-probabilities and entropies are those of softmax(logits / temperature), in nats.
 */
export interface LossInputs extends BatchPosition {
  /** [B, T] log π of the completion tokens. */
  logProbs: tf.Tensor2D
  /** [B, T] needed for topEntropyQuantile < 1 and for the entropy bonus. */
  entropies?: tf.Tensor2D | null
  /** [B, T] log π at sampling time. Defaults to logProbs: on-policy. */
  oldLogProbs?: tf.Tensor2D | null
  /** [B, T] log π_ref, needed for beta ≠ 0. */
  refLogProbs?: tf.Tensor2D | null
  /** [B, T] for offPolicyMaskThreshold. Defaults to oldLogProbs. */
  samplingLogProbs?: tf.Tensor2D | null
  /** [B, T] 1: the token is trained on; 0: padding, tool output or masked completion. */
  completionMask: tf.Tensor2D
  /** [B] */
  advantages: tf.Tensor1D
  /** [B, T] or [B, 1] π_old / π_sampler. Defaults to 1. */
  importanceSamplingRatio?: tf.Tensor2D | null
  /** Coefficient of the entropy bonus in this optimizer step; 0 = no bonus. */
  entropyCoef: number
}

/**
 * The loss of one micro-batch, TRL 1.16's `_compute_loss`, as tensors: the reference of {@link microBatchLoss}, which training
 * takes, and what a loss of one's own can be made from. Differentiable with respect to `logProbs` (and `entropies`
 * when there is a bonus).
 *
 * L = aggregate(ℓ · off-policy mask · high-entropy mask · importanceSamplingRatio + β · KL)
 *     - entropyCoef · mean entropy / gradientAccumulationSteps
 *
 * ℓ is the loss type's ({@link clippedLoss}, {@link cispoLoss}, {@link sapoLoss}, {@link vespoLoss}), aggregated by
 * {@link aggregateLoss}. KL is k3, times the differentiable ratio with useBiasCorrectionKl (DeepSeek-V3.2, arXiv
 * 2512.02556), and is not touched by the masks and weights of the policy term. vespo takes the importance-sampling
 * ratio into its own weight. On-policy the ratio is 1 and the loss nearly 0, but its gradient is not.
 *
 * Masked positions may hold any finite numbers: they change nothing and get a gradient of exactly 0.
 */
export function grpoLoss(inputs: LossInputs, config: LossConfig): tf.Scalar {
  checkShapes(inputs)
  return tf.tidy(() => {
    const mask = inputs.completionMask
    // Zeros at masked positions keep every intermediate there finite, so the zero of the mask is also the gradient's.
    const masked = (x: tf.Tensor2D): tf.Tensor2D => tf.mul(x, mask)
    const logProbs = masked(inputs.logProbs)
    const oldLogProbs = inputs.oldLogProbs ? masked(inputs.oldLogProbs) : noGradient(tf.clone, logProbs)
    const advantages: tf.Tensor2D = tf.reshape(inputs.advantages, [mask.shape[0], 1])
    const given = inputs.importanceSamplingRatio ?? null
    const importanceSamplingRatio = given !== null && given.shape[1] === mask.shape[1] ? masked(given) : given

    const logRatio = tf.sub<tf.Tensor2D>(logProbs, oldLogProbs)
    const logWeights = logImportanceRatio(logRatio, mask, config.importanceSamplingLevel)
    const ratio = tf.exp(logWeights)
    let loss = perTokenLoss(
      { logProbs, logRatio, logImportanceRatio: logWeights, ratio, mask, advantages, importanceSamplingRatio },
      config,
    )
    if (config.offPolicyMaskThreshold !== null) {
      const samplingLogProbs = inputs.samplingLogProbs ? masked(inputs.samplingLogProbs) : oldLogProbs
      loss = tf.mul(loss, offPolicyMask(logProbs, samplingLogProbs, mask, advantages, config.offPolicyMaskThreshold))
    }
    let entropyMask = mask
    if (config.topEntropyQuantile < 1) {
      const entropies = masked(required(inputs.entropies, 'entropies', 'topEntropyQuantile < 1'))
      entropyMask = highEntropyMask(entropies, mask, config.topEntropyQuantile)
      loss = tf.mul(loss, entropyMask)
    }
    if (importanceSamplingRatio !== null && config.lossType !== 'vespo') loss = tf.mul(loss, importanceSamplingRatio)
    if (config.beta !== 0) {
      const kl = klDivergence(logProbs, masked(required(inputs.refLogProbs, 'refLogProbs', 'beta ≠ 0')))
      loss = tf.add(loss, tf.mul(config.useBiasCorrectionKl ? tf.mul(kl, ratio) : kl, config.beta))
    }
    const policyLoss = aggregateLoss(loss, mask, inputs, config)
    if (inputs.entropyCoef === 0) return policyLoss
    const entropy = meanEntropy(masked(required(inputs.entropies, 'entropies', 'entropyCoef ≠ 0')), entropyMask)
    return tf.sub(policyLoss, tf.mul(entropy, inputs.entropyCoef / inputs.gradientAccumulationSteps))
  })
}

function perTokenLoss(inputs: PerTokenLossInputs, config: LossConfig): tf.Tensor2D {
  switch (lossTypes[config.lossType].term) {
    case 'cispo':
      return cispoLoss(inputs, config)
    case 'sapo':
      return sapoLoss(inputs, config)
    case 'vespo':
      return vespoLoss(inputs, config)
    case 'clipped':
      return clippedLoss(inputs, config)
  }
}

function meanEntropy(
  entropies: tf.Tensor2D, // [B, T]
  mask: tf.Tensor2D, // [B, T]
): tf.Scalar {
  return tf.div(tf.sum(tf.mul(entropies, mask)), tf.maximum(tf.sum(mask), 1))
}

function required(tensor: tf.Tensor2D | null | undefined, name: string, option: string): tf.Tensor2D {
  if (tensor) return tensor
  throw new ConfigError(`grpoLoss: ${option} needs ${name}, which were not given`)
}

function checkShapes(inputs: LossInputs): void {
  const { logProbs, advantages, importanceSamplingRatio } = inputs
  const [rows, tokens] = logProbs.shape
  const expect = (name: string, tensor: tf.Tensor | null | undefined, expected: number[]): void => {
    if (tensor && tensor.shape.join() !== expected.join()) {
      throw new ShapeError(
        `grpoLoss: ${name} has shape [${tensor.shape.join(', ')}], expected [${expected.join(', ')}]`,
      )
    }
  }
  for (const name of ['entropies', 'oldLogProbs', 'refLogProbs', 'samplingLogProbs', 'completionMask'] as const) {
    expect(name, inputs[name], [rows, tokens])
  }
  expect('advantages', advantages, [rows])
  const isPerSequence = importanceSamplingRatio?.shape[1] === 1
  expect('importanceSamplingRatio', importanceSamplingRatio, [rows, isPerSequence ? 1 : tokens])
}
