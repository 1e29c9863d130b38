import * as tf from '../bundled/tfjs.js'
import { ShapeError } from '../errors.js'
import { hasKernel, registerGradient, runKernel, runKernels } from './kernel.js'

/**
 * Cross-entropy of each row with its target, in nats: l = log Σ exp z − z_target, the negative log-likelihood of next-token
 * training. The gradient is dz = dl · (softmax(z) − 1[target]).
 * @throws ShapeError when there is not one target a row, or a target is not a column
 */
export function crossEntropy(
  logits: tf.Tensor2D, // [N, V]
  targets: Int32Array, // [N]
): tf.Tensor1D /* [N] */ {
  const [rows, vocabulary] = logits.shape
  if (targets.length !== rows) {
    throw new ShapeError(`crossEntropy got ${targets.length} targets for logits [${rows}, ${vocabulary}]; expected N`)
  }
  const bad = targets.find((id) => !(id >= 0 && id < vocabulary))
  if (bad !== undefined) throw new ShapeError(`target ${bad} is outside the vocabulary of ${vocabulary}`)
  if (!hasKernel('CrossEntropy')) return crossEntropyReference(logits, targets)
  // The other results are there for the gradient.
  return runKernels<[tf.Tensor1D, ...tf.Tensor[]]>('CrossEntropy', { logits }, { targets })[0]
}

/** {@link crossEntropy} from plain tfjs ops. */
export function crossEntropyReference(
  logits: tf.Tensor2D, // [N, V]
  targets: Int32Array, // [N]
): tf.Tensor1D {
  const isTarget = tf.oneHot(tf.tensor1d(targets, 'int32'), logits.shape[1]) // [N, V]
  return tf.neg(tf.sum<tf.Tensor1D>(tf.mul(tf.logSoftmax(logits), isTarget), -1))
}

registerGradient<[logits: tf.Tensor, entropies: tf.Tensor, statistics: tf.Tensor]>('CrossEntropy', {
  inputs: ['logits'],
  // The entropies [N], and for each row the largest logit and log Σ e^(z − largest z), [N, 2].
  outputs: [false, true, true],
  gradients: ([dy], [logits, entropies, statistics], attributes) => ({
    logits: () => runKernel('CrossEntropyGradient', { dy, logits, entropies, statistics }, attributes),
  }),
})
