import type * as tf from '../../../bundled/tfjs.js'
import type { CpuBackend } from '../backend.js'
import { KernelId } from '../constants.js'
import type { KernelCalls } from '../kernelCalls.js'
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
  const { x, cos, sin } = inputs
  const [rows, width] = x.shape as [number, number]
  const out = backend.allocate(x.shape)
  callRope(backend.runtime, {
    x: backend.address(x),
    cos: backend.address(cos),
    sin: backend.address(sin),
    out: out.address,
    rows,
    width,
    half: cos.shape[1]!,
    inverse,
  })
  return out.info
}

/** Calls the kernel, with addresses. */
export function callRope(
  calls: KernelCalls,
  rope: {
    x: number // [rows, width]
    cos: number // [tableRows, half]
    sin: number // [tableRows, half]
    /** May be `x`. */
    out: number
    rows: number
    width: number
    /** Half of a head's size. */
    half: number
    inverse?: boolean
    /** Address of the rows of `cos` and `sin` for each row of x. Defaults to 0: the rows from 0 on. */
    positions?: number
    /** Rows of `cos` and `sin`. Defaults to those of x. */
    tableRows?: number
  },
): void {
  const { args } = calls
  const { rows, width, half } = rope
  const tileRows = rowsOfTile(width)
  args[0] = rope.x
  args[1] = rope.cos
  args[2] = rope.sin
  args[3] = rope.out
  args[4] = rows
  args[5] = width / (2 * half)
  args[6] = half
  args[7] = rope.inverse ? 1 : 0
  args[8] = tileRows
  args[9] = rope.positions ?? 0
  args[10] = rope.tableRows ?? rows
  calls.run(KernelId.rope, Math.ceil(rows / tileRows), rows * width * 2)
}

export const ropeKernels = [kernel('Rope', rope)]
