import * as tf from '../../../bundled/tfjs.js'
import type { CpuBackend } from '../backend.js'
import { KernelId } from '../constants.js'
import { kernel, runPlain } from './kernel.js'
import { TILE_ELEMENTS } from './tile.js'

interface AddInputs {
  a: tf.TensorInfo
  b: tf.TensorInfo
}

/** tfjs's `add`: two float32 tensors of one shape by our kernel, everything else (broadcasting, integers) by tfjs's own. */
function add(backend: CpuBackend, inputs: AddInputs): tf.TensorInfo | tf.TensorInfo[] {
  const { a, b } = inputs
  if (a.dtype !== 'float32' || b.dtype !== 'float32' || !tf.util.arraysEqual(a.shape, b.shape)) {
    return runPlain('Add', backend, inputs)
  }
  const { runtime } = backend
  const size = tf.util.sizeFromShape(a.shape)
  const out = backend.allocate(a.shape)
  runtime.args[0] = backend.address(a)
  runtime.args[1] = backend.address(b)
  runtime.args[2] = out.address
  runtime.args[3] = size * 4
  runtime.args[4] = TILE_ELEMENTS * 4
  runtime.run(KernelId.add, Math.ceil(size / TILE_ELEMENTS), size)
  return out.info
}

export const addKernels = [kernel('Add', add)]
