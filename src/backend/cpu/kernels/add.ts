import * as tf from '../../../bundled/tfjs.js'
import type { CpuBackend } from '../backend.js'
import { KernelId } from '../constants.js'
import type { KernelCalls } from '../kernelCalls.js'
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
  const out = backend.allocate(a.shape)
  const size = tf.util.sizeFromShape(a.shape)
  callAdd(backend.runtime, { a: backend.address(a), b: backend.address(b), out: out.address, size })
  return out.info
}

/** Calls the kernel: out = a + b, `size` numbers each, by their addresses; `out` may be one of the others. */
export function callAdd(calls: KernelCalls, add: { a: number; b: number; out: number; size: number }): void {
  const { args } = calls
  args[0] = add.a
  args[1] = add.b
  args[2] = add.out
  args[3] = add.size * 4
  args[4] = TILE_ELEMENTS * 4
  calls.run(KernelId.add, Math.ceil(add.size / TILE_ELEMENTS), add.size)
}

export const addKernels = [kernel('Add', add)]
