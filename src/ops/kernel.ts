import * as tf from '../bundled/tfjs.js'

/** Whether the current backend has a kernel of its own for an op; without one, the op's reference composition is used. */
export function hasKernel(kernelName: string): boolean {
  // tfjs's type hides that there may be none.
  return (tf.getKernel(kernelName, tf.getBackend()) as tf.KernelConfig | undefined) !== undefined
}

/** Runs a kernel of the current backend that has several results; tfjs records it on its gradient tape. */
export function runKernels(kernelName: string, inputs: Record<string, tf.Tensor>, attrs: object): tf.Tensor[] {
  // tfjs types attributes as plain numbers, strings and lists of them, but hands any object through to the kernel.
  const result = tf.engine().runKernel(kernelName, inputs, attrs as tf.NamedAttrMap)
  return result as unknown as tf.Tensor[]
}

/** Runs a kernel of the current backend that has one result. */
export function runKernel<T extends tf.Tensor = tf.Tensor>(
  kernelName: string,
  inputs: Record<string, tf.Tensor>,
  attrs: object,
): T {
  return runKernels(kernelName, inputs, attrs) as unknown as T
}
