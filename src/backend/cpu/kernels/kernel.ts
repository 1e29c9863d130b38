import * as tf from '../../../bundled/tfjs.js'
import type { CpuBackend } from '../backend.js'

/** A kernel of the cpu backend: takes the place of tfjs's of the same name, or serves an op of ours. */
export interface CpuKernel {
  readonly name: string
  readonly run: (
    backend: CpuBackend,
    inputs: tf.NamedTensorInfoMap,
    attributes: object,
    frozen: object,
  ) => tf.TensorInfo | tf.TensorInfo[]
}

/** Declares a kernel with the types of its inputs, attributes and frozen inputs, which tfjs hands through unchecked. */
export function kernel<Inputs, Attributes, FrozenInputs>(
  name: string,
  run: (
    backend: CpuBackend,
    inputs: Inputs,
    attributes: Attributes,
    frozen: FrozenInputs,
  ) => tf.TensorInfo | tf.TensorInfo[],
): CpuKernel {
  return { name, run: run as CpuKernel['run'] }
}

/** Runs the kernel of tfjs's plain cpu backend of which ours takes the place. */
export function runPlain(
  name: string,
  backend: CpuBackend,
  inputs: object,
  attributes = {},
): tf.TensorInfo | tf.TensorInfo[] {
  return tf.getKernel(name, 'cpu').kernelFunc({ inputs: inputs as tf.NamedTensorInfoMap, backend, attrs: attributes })
}
