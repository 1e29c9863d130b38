import type * as tf from '../../../bundled/tfjs.js'
import type { CpuBackend } from '../backend.js'
import { kernel, runPlain } from './kernel.js'

/**
 * tfjs's `cast`. tfjs's own kernel lets integers and booleans that become floats keep their array, which JavaScript does not
 * mind but our kernels would read as the bits of floats.
 */
function cast(
  backend: CpuBackend,
  inputs: { x: tf.TensorInfo },
  attributes: { dtype: tf.DataType },
): tf.TensorInfo | tf.TensorInfo[] {
  const { x } = inputs
  const { dtype } = attributes
  const values = backend.data.get(x.dataId).values as ArrayLike<number>
  if (dtype === 'float32' && (x.dtype === 'int32' || x.dtype === 'bool')) {
    return backend.makeTensorInfo(x.shape, dtype, Float32Array.from(values))
  }
  if (dtype === 'int32' && x.dtype === 'bool') return backend.makeTensorInfo(x.shape, dtype, Int32Array.from(values))
  return runPlain('Cast', backend, inputs, attributes)
}

export const castKernels = [kernel('Cast', cast)]
