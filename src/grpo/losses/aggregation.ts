import * as tf from '../../bundled/tfjs.js'
import type { GRPOConfig } from '../config/config.js'
import { lossTypes } from './lossTypes.js'
import type { LossType } from './lossTypes.js'

/** How a micro-batch lies in its optimizer step and in its generation batch. */
export interface BatchPosition {
  /** Completion tokens of the whole generation batch, without masked ones. */
  numItemsInBatch: number
  /** Micro-batches in this optimizer step (the last step of a run may have fewer than configured); 1 in evaluation. */
  gradientAccumulationSteps: number
  /** Micro-batches that the generation batch is cut into; 1 in evaluation. */
  stepsPerGeneration: number
}

/**
 * Whether the loss is a sum over tokens divided by the tokens of the whole batch, which already makes micro-batches
 * add up.
 */
export function dividesByBatchTokens(lossType: LossType): boolean {
  return lossTypes[lossType].per === 'batch'
}

/**
 * From losses of tokens to the loss of a micro-batch, the sum over the micro-batches of an optimizer step being the
 * step's loss. With ℓ the losses, m the mask and a = gradientAccumulationSteps:
 *
 * - grpo, sapo: mean_i(Σ_t ℓ m / max(Σ_t m, 1)) / a
 * - bnpo: Σ ℓ m / max(Σ m, 1) / a
 * - dr_grpo: Σ ℓ m / (B · maxCompletionLength) / a
 * - luspo: mean_i(Σ_t ℓ m) / a
 * - dapo, cispo, vespo: Σ ℓ m / (max(numItemsInBatch, 1) · a / stepsPerGeneration)
 */
export function aggregateLoss(
  perTokenLoss: tf.Tensor2D, // [B, T] or [B, 1]
  mask: tf.Tensor2D, // [B, T]
  { numItemsInBatch, gradientAccumulationSteps, stepsPerGeneration }: BatchPosition,
  config: Pick<GRPOConfig, 'lossType' | 'maxCompletionLength'>,
): tf.Scalar {
  const masked = tf.mul(perTokenLoss, mask)
  const scale = (loss: tf.Tensor): tf.Scalar => tf.div(loss, gradientAccumulationSteps)
  switch (lossTypes[config.lossType].per) {
    case 'completion':
      return scale(tf.mean(tf.div(tf.sum(masked, 1), tf.maximum(tf.sum(mask, 1), 1))))
    case 'microBatch':
      return scale(tf.div(tf.sum(masked), tf.maximum(tf.sum(mask), 1)))
    case 'completions':
      return scale(tf.mean(tf.sum(masked, 1)))
    case 'maxLength':
      return scale(tf.div(tf.sum(masked), mask.shape[0] * config.maxCompletionLength))
    case 'batch':
      return tf.div(tf.sum(masked), (Math.max(numItemsInBatch, 1) * gradientAccumulationSteps) / stepsPerGeneration)
  }
}
