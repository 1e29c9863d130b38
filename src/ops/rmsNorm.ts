import * as tf from '../bundled/tfjs.js'
import { ShapeError } from '../errors.js'
import { hasKernel, registerGradient, runKernel } from './kernel.js'

/**
 * Root-mean-square normalisation over the last axis (Zhang and Sennrich 2019, arXiv 1910.07467):
 * y = w · x / sqrt(mean(x²) + epsilon).
 *
 * With n = x / rms(x):  dx = (w·dy − n · mean(w·dy · n)) / rms(x).  A weight that is a variable gets
 * dw = Σ dy · n over the rows; any other is frozen.
 * @throws ShapeError when the weight has another length than a row
 */
export function rmsNorm(
  x: tf.Tensor2D, // [N, D]
  weight: tf.Tensor1D, // [D]
  epsilon: number,
): tf.Tensor2D /* [N, D] */ {
  if (x.shape[1] !== weight.shape[0]) {
    throw new ShapeError(
      `rmsNorm got x [${x.shape.join(', ')}] and a weight of ${weight.shape[0]}; expected x [N, ${weight.shape[0]}]`,
    )
  }
  if (!hasKernel('RmsNorm')) return rmsNormReference(x, weight, epsilon)
  if (weight instanceof tf.Variable) return runKernel<tf.Tensor2D>('TrainableRmsNorm', { x, weight }, { epsilon })
  return runKernel<tf.Tensor2D>('RmsNorm', { x }, { epsilon }, { weight })
}

/** {@link rmsNorm} from plain tfjs ops. */
function rmsNormReference(
  x: tf.Tensor2D, // [N, D]
  weight: tf.Tensor1D, // [D]
  epsilon: number,
): tf.Tensor2D {
  const meanSquare = tf.mean(tf.square(x), -1, true) // [N, 1]
  return tf.mul(tf.mul(x, tf.rsqrt(tf.add(meanSquare, epsilon))), weight)
}

registerGradient<[x: tf.Tensor], object, { readonly weight: tf.Tensor }>('RmsNorm', {
  inputs: ['x'],
  gradients: ([dy], [x], attributes, frozen) => ({
    x: () => runKernel('RmsNormGradient', { dy, x }, attributes, frozen),
  }),
})

registerGradient<[x: tf.Tensor, weight: tf.Tensor]>('TrainableRmsNorm', {
  inputs: ['x', 'weight'],
  gradients: ([dy], [x, weight], attributes) => {
    const inputs = { dy, x, weight }
    const [dx, dw] = runKernel<[tf.Tensor, tf.Tensor]>('TrainableRmsNormGradient', inputs, attributes)
    return { x: () => dx, weight: () => dw }
  },
})
