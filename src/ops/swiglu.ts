import * as tf from '../bundled/tfjs.js'
import { ShapeError } from '../errors.js'
import { hasKernel, registerGradient, runKernel } from './kernel.js'

/**
 * SwiGLU (Shazeer 2020, arXiv 2002.05202): y = gate · σ(gate) · up, elementwise.
 *
 * With s = σ(gate):  d gate = dy · up · s · (1 + gate · (1 − s)),  d up = dy · gate · s.
 * @throws ShapeError when the shapes differ
 */
export function swiglu(
  gate: tf.Tensor2D, // [N, F]
  up: tf.Tensor2D, // [N, F]
): tf.Tensor2D /* [N, F] */ {
  if (!tf.util.arraysEqual(gate.shape, up.shape)) {
    throw new ShapeError(
      `swiglu got gate [${gate.shape.join(', ')}] and up [${up.shape.join(', ')}]; expected equal shapes`,
    )
  }
  if (!hasKernel('Swiglu')) return swigluReference(gate, up)
  return runKernel<tf.Tensor2D>('Swiglu', { gate, up }, {})
}

/** {@link swiglu} from plain tfjs ops. */
function swigluReference(gate: tf.Tensor2D, up: tf.Tensor2D): tf.Tensor2D {
  return tf.mul(tf.mul(gate, tf.sigmoid(gate)), up)
}

registerGradient<[gate: tf.Tensor, up: tf.Tensor]>('Swiglu', {
  inputs: ['gate', 'up'],
  gradients: ([dy], [gate, up]) => {
    const [dGate, dUp] = runKernel<[tf.Tensor, tf.Tensor]>('SwigluGradient', { dy, gate, up }, {})
    return { gate: () => dGate, up: () => dUp }
  },
})
