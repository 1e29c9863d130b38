import * as tf from '../../../bundled/tfjs.js'
import type { CpuBackend } from '../backend.js'
import { KernelId } from '../constants.js'
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
  const { runtime } = backend
  const size = tf.util.sizeFromShape(gate.shape)
  runtime.args[0] = backend.address(gate)
  runtime.args[1] = backend.address(up)
  runtime.args[2] = dy
  runtime.args[3] = out
  runtime.args[4] = upOut
  runtime.args[5] = size * 4
  runtime.args[6] = TILE_ELEMENTS * 4
  runtime.run(KernelId.swiglu, Math.ceil(size / TILE_ELEMENTS), size * OPERATIONS)
}

export const swigluKernels = [kernel('Swiglu', swiglu), kernel('SwigluGradient', swigluGradient)]
