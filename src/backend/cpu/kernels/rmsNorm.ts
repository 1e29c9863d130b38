import type * as tf from '../../../bundled/tfjs.js'
import type { CpuBackend } from '../backend.js'
import { KernelId } from '../constants.js'
import type { KernelCalls } from '../kernelCalls.js'
import { kernel } from './kernel.js'
import { rowsOfTile } from './tile.js'

interface RmsNormInputs {
  x: tf.TensorInfo // [N, D]
  dy?: tf.TensorInfo // [N, D]
}

/** The forward pass; with dy, the gradient with respect to x. The weight is frozen. */
function rmsNorm(
  backend: CpuBackend,
  inputs: RmsNormInputs,
  { epsilon }: { epsilon: number },
  { weight }: { weight: tf.TensorInfo /* [D] */ },
): tf.TensorInfo {
  return run(backend, { ...inputs, weight }, epsilon, 0)
}

/** The forward pass with a weight that is trained. */
function trainableRmsNorm(
  backend: CpuBackend,
  inputs: RmsNormInputs & { weight: tf.TensorInfo },
  { epsilon }: { epsilon: number },
): tf.TensorInfo {
  return run(backend, inputs, epsilon, 0)
}

/** The gradients with respect to x [N, D] and to the weight [D]. */
function trainableRmsNormGradient(
  backend: CpuBackend,
  inputs: Required<RmsNormInputs> & { weight: tf.TensorInfo },
  { epsilon }: { epsilon: number },
): tf.TensorInfo[] {
  const { allocator } = backend.runtime
  const [rows, width] = inputs.x.shape as [number, number]
  const tiles = Math.ceil(rows / rowsOfTile(width))
  const partial = allocator.allocate(tiles * width * 4)
  const dx = run(backend, inputs, epsilon, partial)
  const dWeight = backend.allocate([width])
  const sum = backend.floats(dWeight.info).fill(0)
  // Tile by tile, so that the sum does not depend on which thread was faster.
  const parts = new Float32Array(allocator.memory.buffer, partial, tiles * width)
  for (let i = 0; i < parts.length; i++) sum[i % width]! += parts[i]!
  allocator.release(partial)
  return [dx, dWeight.info]
}

function run(
  backend: CpuBackend,
  { x, dy, weight }: RmsNormInputs & { weight: tf.TensorInfo },
  epsilon: number,
  /** Address of [tiles][D] for the gradient of the weight; 0 for none. */
  dWeight: number,
): tf.TensorInfo {
  const [rows, width] = x.shape as [number, number]
  const out = backend.allocate(x.shape)
  callRmsNorm(backend.runtime, {
    x: backend.address(x),
    weight: backend.address(weight),
    dy: dy ? backend.address(dy) : 0,
    out: out.address,
    rows,
    width,
    epsilon,
    dWeight,
  })
  return out.info
}

/** Calls the kernel, with addresses of what {@link run} takes; `out` may be `x` in the forward pass. */
export function callRmsNorm(
  calls: KernelCalls,
  norm: {
    x: number // [rows, width]
    weight: number // [width]
    /** 0 in the forward pass, to which it defaults. */
    dy?: number
    out: number
    rows: number
    width: number
    epsilon: number
    dWeight?: number
  },
): void {
  const { args, floatArgs } = calls
  const { dy = 0, rows, width } = norm
  const tileRows = rowsOfTile(width)
  args[0] = norm.x
  args[1] = norm.weight
  args[2] = dy
  args[3] = norm.out
  args[4] = rows
  args[5] = width
  floatArgs[6] = norm.epsilon
  args[7] = tileRows
  args[8] = norm.dWeight ?? 0
  calls.run(KernelId.rmsNorm, Math.ceil(rows / tileRows), rows * width * (dy ? 4 : 2))
}

export const rmsNormKernels = [
  kernel('RmsNorm', rmsNorm),
  kernel('RmsNormGradient', rmsNorm),
  kernel('TrainableRmsNorm', trainableRmsNorm),
  kernel('TrainableRmsNormGradient', trainableRmsNormGradient),
]
