import * as tf from '../../../bundled/tfjs.js'
import type { CpuBackend } from '../backend.js'
import { gemm, PanelMode } from '../gemm.js'
import { kernel } from './kernel.js'

/**
 * tfjs's matrix product on our kernel: any transposition, batches with broadcasting. Replaces the scalar loop of tfjs's own cpu
 * backend for everybody who computes on this backend.
 */
function batchMatMul(
  backend: CpuBackend,
  inputs: {
    a: tf.TensorInfo // [..., M, K] or, transposed, [..., K, M]
    b: tf.TensorInfo // [..., K, N] or, transposed, [..., N, K]
  },
  { transposeA, transposeB }: { transposeA: boolean; transposeB: boolean },
): tf.TensorInfo {
  const { a, b } = inputs
  const [aHeight = 1, aWidth = 1] = a.shape.slice(-2)
  const [bHeight = 1, bWidth = 1] = b.shape.slice(-2)
  const [rows, depth] = transposeA ? [aWidth, aHeight] : [aHeight, aWidth]
  const columns = transposeB ? bHeight : bWidth
  const batchShape = tf.broadcast_util.assertAndGetBroadcastShape(a.shape.slice(0, -2), b.shape.slice(0, -2))
  const batches = tf.util.sizeFromShape(batchShape)
  const aBatches = tf.util.sizeFromShape(a.shape.slice(0, -2))
  const bBatches = tf.util.sizeFromShape(b.shape.slice(0, -2))

  const aAddress = backend.address(a)
  const bAddress = backend.address(b)
  const out = backend.allocate([...batchShape, rows, columns])
  const left = { row: transposeA ? 4 : aWidth * 4, depth: transposeA ? aWidth * 4 : 4 }
  const right = { depth: transposeB ? 4 : bWidth * 4, column: transposeB ? bWidth * 4 : 4 }
  // The kernel copies 16 columns of the right-hand matrix and walks down the rows of the left-hand one. When the left one is
  // transposed and large, the transposed product C' = B'·A' reads both in the order in which they lie.
  const swap = transposeA && rows > columns
  for (let batch = 0; batch < batches; batch++) {
    // Of two operands with different numbers of batches, the one with a single batch is used for all.
    const aAt = aAddress + (aBatches === 1 ? 0 : batch) * aHeight * aWidth * 4
    const bAt = bAddress + (bBatches === 1 ? 0 : batch) * bHeight * bWidth * 4
    const c = out.address + batch * rows * columns * 4
    gemm(
      backend.runtime,
      swap
        ? {
            a: bAt,
            aRowStride: right.column,
            aDepthStride: right.depth,
            b: aAt,
            mode: PanelMode.strided,
            bDepthStride: left.depth,
            bColumnStride: left.row,
            c,
            cRowStride: 4,
            cColumnStride: columns * 4,
            rows: columns,
            columns: rows,
            depth,
          }
        : {
            a: aAt,
            aRowStride: left.row,
            aDepthStride: left.depth,
            b: bAt,
            mode: PanelMode.strided,
            bDepthStride: right.depth,
            bColumnStride: right.column,
            c,
            cRowStride: columns * 4,
            rows,
            columns,
            depth,
          },
    )
  }
  return out.info
}

export const matMulKernels = [kernel('BatchMatMul', batchMatMul)]
