import * as tf from '../bundled/tfjs.js'
import { hasKernel, runKernel } from './kernel.js'

/**
 * A float32 matrix whose content is undefined, to be written before it is read. Where the backend has a kernel, memory that is
 * never written is never taken from the operating system; elsewhere it is filled with zeros.
 */
export function uninitialized(shape: [number, number]): tf.Tensor2D {
  return hasKernel('Uninitialized') ? runKernel<tf.Tensor2D>('Uninitialized', {}, { shape }) : tf.zeros(shape)
}
