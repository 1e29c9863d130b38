import * as tf from '../../bundled/tfjs.js'
import type { GRPOConfig } from '../config/config.js'

/**
 * Logarithm of the importance ratio between the policy and the policy that sampled the completions.
 *
 * `token`: log π(o_t) - log π_old(o_t) for each token. `sequence` (GSPO, arXiv 2507.18071): its mean over the tokens
 * of the completion. Returns [B, T] or [B, 1].
 */
export function logImportanceRatio(
  logRatio: tf.Tensor2D, // [B, T] log π - log π_old, 0 where masked
  mask: tf.Tensor2D, // [B, T]
  level: GRPOConfig['importanceSamplingLevel'],
): tf.Tensor2D {
  if (level === 'token') return logRatio
  return tf.div(tf.sum(logRatio, 1, true), tf.maximum(tf.sum(mask, 1, true), 1))
}

/**
 * The k3 estimator of KL(π ‖ π_ref) for each token: exp(d) - d - 1 with d = log π_ref - log π (Schulman,
 * "Approximating KL divergence"), in nats.
 */
export function klDivergence(
  logProbs: tf.Tensor2D, // [B, T]
  refLogProbs: tf.Tensor2D, // [B, T]
): tf.Tensor2D {
  const difference = tf.sub(refLogProbs, logProbs)
  return tf.sub(tf.sub(tf.exp(difference), difference), 1)
}
