import type * as tf from '@tensorflow/tfjs'
import type { CpuBackend } from '../backend.js'
import { KernelId } from '../runtime.js'
import { kernel } from './kernel.js'
import { rowsOfTile } from './tile.js'

interface RmsNormAttributes {
  weight: tf.Tensor1D // [D]
  epsilon: number
}

/** The forward pass; with dy, the gradient with respect to x. */
function rmsNorm(
  backend: CpuBackend,
  { x, dy }: { x: tf.TensorInfo; dy?: tf.TensorInfo }, // [N, D]
  { weight, epsilon }: RmsNormAttributes,
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
  runtime.run(KernelId.rmsNorm, Math.ceil(rows / tileRows), rows * width * (dy ? 4 : 2))
  return out.info
}

export const rmsNormKernels = [kernel('RmsNorm', rmsNorm), kernel('RmsNormGradient', rmsNorm)]
