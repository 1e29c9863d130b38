import * as tf from '../bundled/tfjs.js'
import { ShapeError } from '../errors.js'
import { hasKernel, runKernel, runKernels } from './kernel.js'

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
  return runKernels('CrossEntropy', { logits }, { targets })[0] as tf.Tensor1D
}

/** {@link crossEntropy} from plain tfjs ops. */
export function crossEntropyReference(
  logits: tf.Tensor2D, // [N, V]
  targets: Int32Array, // [N]
): tf.Tensor1D {
  const isTarget = tf.oneHot(tf.tensor1d(targets, 'int32'), logits.shape[1]) // [N, V]
  return tf.neg(tf.sum<tf.Tensor1D>(tf.mul(tf.logSoftmax(logits), isTarget), -1))
}

tf.registerGradient({
  kernelName: 'CrossEntropy',
  inputsToSave: ['logits'],
  // The entropies [N], and for each row the largest logit and log Σ e^(z − largest z), [N, 2].
  outputsToSave: [false, true, true],
  gradFunc: (dys, saved, attributes) => {
    const [logits, entropies, statistics] = saved as [tf.Tensor, tf.Tensor, tf.Tensor]
    const dy = (dys as tf.Tensor[])[0]!
    return {
      logits: () => runKernel('CrossEntropyGradient', { dy, logits, entropies, statistics }, attributes),
    }
  },
})
