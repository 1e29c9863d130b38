import type * as tf from '../../../bundled/tfjs.js'
import type { CpuBackend } from '../backend.js'
import { KernelId } from '../constants.js'
import { kernel } from './kernel.js'
import { rowsOfTile } from './tile.js'

function rope(
  backend: CpuBackend,
  inputs: {
    x: tf.TensorInfo // [N, heads · D]
    cos: tf.TensorInfo // [N, D / 2]
    sin: tf.TensorInfo // [N, D / 2]
  },
  /** `inverse` rotates by the opposite angle. */
  { inverse }: { inverse: boolean },
): tf.TensorInfo {
  const { runtime } = backend
  const { x, cos, sin } = inputs
  const [rows, width] = x.shape as [number, number]
  const half = cos.shape[1]!
  const tileRows = rowsOfTile(width)
  const out = backend.allocate(x.shape)
  runtime.args[0] = backend.address(x)
  runtime.args[1] = backend.address(cos)
  runtime.args[2] = backend.address(sin)
  runtime.args[3] = out.address
  runtime.args[4] = rows
  runtime.args[5] = width / (2 * half)
  runtime.args[6] = half
  runtime.args[7] = inverse ? 1 : 0
  runtime.args[8] = tileRows
  runtime.run(KernelId.rope, Math.ceil(rows / tileRows), rows * width * 2)
  return out.info
}

export const ropeKernels = [kernel('Rope', rope)]
