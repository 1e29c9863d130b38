import type * as tf from '../../../bundled/tfjs.js'
import type { CpuBackend } from '../backend.js'
import { kernel } from './kernel.js'

function uninitialized(backend: CpuBackend, _inputs: object, { shape }: { shape: readonly number[] }): tf.TensorInfo {
  return backend.allocate(shape).info
}

export const uninitializedKernels = [kernel('Uninitialized', uninitialized)]
