import * as tf from '../../bundled/tfjs.js'
import { noGradient } from './noGradient.js'

/**
 * Mask of the tokens with the highest entropy ("Beyond the 80/20 Rule", arXiv 2506.01939): 1 where the entropy is at
 * least the (1 - topEntropyQuantile) quantile of the micro-batch's unmasked entropies, linearly interpolated as by
 * torch.quantile. Returns [B, T]; no gradient.
 */
export function highEntropyMask(
  entropies: tf.Tensor2D, // [B, T] nats, 0 where masked
  mask: tf.Tensor2D, // [B, T]
  topEntropyQuantile: number,
): tf.Tensor2D {
  return noGradient((x) => {
    const size = x.size
    // The masked tokens come last: entropies are not negative. The number of unmasked ones is known on the device only,
    // so the two neighbours of the quantile are picked by comparing positions, not by indexing.
    const descending = tf.topk(tf.reshape(tf.sub(x, tf.sub(1, mask)), [size]), size).values
    const last = tf.sub(tf.sum(mask), 1)
    const rank = tf.mul(last, 1 - topEntropyQuantile)
    const below = tf.floor(rank)
    const positions = tf.range(0, size)
    const entropyAt = (ascendingRank: tf.Tensor): tf.Tensor =>
      tf.sum(tf.mul(descending, tf.cast(tf.equal(positions, tf.sub(last, ascendingRank)), 'float32')))
    const low = entropyAt(below)
    const high = entropyAt(tf.ceil(rank))
    const threshold = tf.add(low, tf.mul(tf.sub(rank, below), tf.sub(high, low)))
    return tf.mul(tf.cast(tf.greaterEqual(x, threshold), 'float32'), mask)
  }, entropies)
}

/**
 * Off-policy sequence mask of DeepSeek-V3.2 (arXiv 2512.02556, equation 9): 1 where A ≥ 0 or the mean of log
 * π_sampler - log π over the completion is at most `threshold` nats, else 0. Returns [B, 1]; no gradient.
 */
export function offPolicyMask(
  logProbs: tf.Tensor2D, // [B, T] 0 where masked
  samplingLogProbs: tf.Tensor2D, // [B, T] 0 where masked
  mask: tf.Tensor2D, // [B, T]
  advantages: tf.Tensor2D, // [B, 1]
  threshold: number,
): tf.Tensor2D {
  return noGradient((x) => {
    const divergence = tf.div(tf.sum(tf.sub(samplingLogProbs, x), 1, true), tf.maximum(tf.sum(mask, 1, true), 1))
    const keep: tf.Tensor2D = tf.logicalOr(tf.greaterEqual(advantages, 0), tf.lessEqual(divergence, threshold))
    return tf.cast(keep, 'float32')
  }, logProbs)
}
