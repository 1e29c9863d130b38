import type * as tf from '../../../bundled/tfjs.js'
import type { CpuBackend } from '../backend.js'
import { KernelId } from '../constants.js'
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
  const { runtime } = backend
  const [rows, width] = x.shape as [number, number]
  const tileRows = rowsOfTile(width)
  const out = backend.allocate(x.shape)
  runtime.args[0] = backend.address(x)
  runtime.args[1] = backend.address(weight)
  runtime.args[2] = dy ? backend.address(dy) : 0
  runtime.args[3] = out.address
  runtime.args[4] = rows
  runtime.args[5] = width
  runtime.floatArgs[6] = epsilon
  runtime.args[7] = tileRows
  runtime.args[8] = dWeight
  runtime.run(KernelId.rmsNorm, Math.ceil(rows / tileRows), rows * width * (dy ? 4 : 2))
  return out.info
}

export const rmsNormKernels = [
  kernel('RmsNorm', rmsNorm),
  kernel('RmsNormGradient', rmsNorm),
  kernel('TrainableRmsNorm', trainableRmsNorm),
  kernel('TrainableRmsNormGradient', trainableRmsNormGradient),
]
