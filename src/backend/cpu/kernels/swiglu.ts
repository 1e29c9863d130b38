import * as tf from '../../../bundled/tfjs.js'
import type { CpuBackend } from '../backend.js'
import { KernelId } from '../constants.js'
import type { KernelCalls } from '../kernelCalls.js'
import { kernel } from './kernel.js'
import { TILE_ELEMENTS } from './tile.js'

interface SwigluInputs {
  gate: tf.TensorInfo // [N, F]
  up: tf.TensorInfo // [N, F]
}

/** Rough cost of an element in multiply-adds: an exponential, a division and some products. */
const OPERATIONS = 16

function swiglu(backend: CpuBackend, inputs: SwigluInputs): tf.TensorInfo {
  const y = backend.allocate(inputs.gate.shape)
  runSwiglu(backend, inputs, 0, y.address, 0)
  return y.info
}

/** The gradients of gate and up. */
function swigluGradient(backend: CpuBackend, inputs: SwigluInputs & { dy: tf.TensorInfo }): tf.TensorInfo[] {
  const dGate = backend.allocate(inputs.gate.shape)
  const dUp = backend.allocate(inputs.gate.shape)
  runSwiglu(backend, inputs, backend.address(inputs.dy), dGate.address, dUp.address)
  return [dGate.info, dUp.info]
}

function runSwiglu(backend: CpuBackend, { gate, up }: SwigluInputs, dy: number, out: number, upOut: number): void {
  const size = tf.util.sizeFromShape(gate.shape)
  callSwiglu(backend.runtime, { gate: backend.address(gate), up: backend.address(up), dy, out, upOut, size })
}

/** Calls the kernel, with addresses of `size` numbers each; `out` may be `gate`. */
export function callSwiglu(
  calls: KernelCalls,
  swiglu: {
    gate: number
    up: number
    /** 0 in the forward pass, to which it defaults. */
    dy?: number
    /** y, or the gradient of gate. */
    out: number
    /** The gradient of up. */
    upOut?: number
    size: number
  },
): void {
  const { args } = calls
  args[0] = swiglu.gate
  args[1] = swiglu.up
  args[2] = swiglu.dy ?? 0
  args[3] = swiglu.out
  args[4] = swiglu.upOut ?? 0
  args[5] = swiglu.size * 4
  args[6] = TILE_ELEMENTS * 4
  calls.run(KernelId.swiglu, Math.ceil(swiglu.size / TILE_ELEMENTS), swiglu.size * OPERATIONS)
}

export const swigluKernels = [kernel('Swiglu', swiglu), kernel('SwigluGradient', swigluGradient)]
