import * as tf from '../../bundled/tfjs.js'

/**
 * Evaluates a function as a constant, as torch.no_grad: its operations are not recorded and the gradient to `x` is
 * zero.
 */
export function noGradient<T extends tf.Tensor>(evaluate: (x: tf.Tensor2D) => T, x: tf.Tensor2D): T {
  const { shape } = x
  return tf.customGrad<T>(() => ({ value: evaluate(x), gradFunc: () => tf.zeros(shape) }))(x)
}
