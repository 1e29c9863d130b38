import * as tf from '../bundled/tfjs.js'
import { ShapeError } from '../errors.js'
import { hasKernel, registerGradient, runKernel } from './kernel.js'

/**
 * Rotary position embedding (Su et al. 2021, arXiv 2104.09864) in Hugging Face's layout, in which the two halves of a head
 * are the coordinates: with x = [a, b] per head, y = [a·cos − b·sin, b·cos + a·sin].
 * The gradient is the rotation by the opposite angle.
 * @throws ShapeError when the rows or the size of a head do not fit
 */
export function rope(
  x: tf.Tensor2D, // [N, heads · D]
  cos: tf.Tensor2D, // [N, D / 2]
  sin: tf.Tensor2D, // [N, D / 2]
): tf.Tensor2D /* [N, heads · D] */ {
  const [rows, half] = cos.shape
  if (x.shape[0] !== rows || x.shape[1] % (2 * half) !== 0 || !tf.util.arraysEqual(cos.shape, sin.shape)) {
    const [given, cosines, sines] = [x, cos, sin].map(({ shape }) => `[${shape.join(', ')}]`)
    throw new ShapeError(
      `rope got x ${given}, cos ${cosines} and sin ${sines}; expected x [N, heads · D] and two of [N, D / 2]`,
    )
  }
  if (!hasKernel('Rope')) return ropeReference(x, cos, sin)
  return runKernel<tf.Tensor2D>('Rope', { x, cos, sin }, { inverse: false })
}

/** {@link rope} from plain tfjs ops. */
function ropeReference(
  x: tf.Tensor2D, // [N, heads · D]
  cos: tf.Tensor2D, // [N, D / 2]
  sin: tf.Tensor2D, // [N, D / 2]
): tf.Tensor2D {
  const [rows, half] = cos.shape
  const heads = x.shape[1] / (2 * half)
  const [a, b] = tf.split(tf.reshape(x, [rows, heads, 2 * half]), 2, -1) as [tf.Tensor3D, tf.Tensor3D]
  const c = tf.reshape(cos, [rows, 1, half])
  const s = tf.reshape(sin, [rows, 1, half])
  const rotated = tf.concat([tf.sub(tf.mul(a, c), tf.mul(b, s)), tf.add(tf.mul(b, c), tf.mul(a, s))], -1)
  return tf.reshape(rotated, [rows, heads * 2 * half])
}

registerGradient<[cos: tf.Tensor, sin: tf.Tensor], { readonly inverse: boolean }>('Rope', {
  // The angles are inputs, though nothing is differentiated by them, because tfjs keeps saved inputs alive.
  inputs: ['cos', 'sin'],
  gradients: ([dy], [cos, sin], { inverse }) => ({
    x: () => runKernel('Rope', { x: dy, cos, sin }, { inverse: !inverse }),
  }),
})
