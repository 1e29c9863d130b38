import type { KernelCalls } from './kernelCalls.js'
import { BLOCK_BYTES, KernelId } from './constants.js'

/** How the right-hand matrix of a product lies in memory; see assembly/gemm.ts. */
export const PanelMode = {
  float32Panels: 0,
  bfloat16Panels: 1,
  strided: 2,
  transposedFloat32Panels: 3,
  transposedBfloat16Panels: 4,
} as const

/** A product C[rows, columns] = alpha * (A[rows, depth] · B[depth, columns] + A'·B') (+ bias) (+ C). Addresses and strides in bytes. */
export interface Product {
  a: number
  aRowStride: number
  aDepthStride: number
  b: number
  mode: number
  /** Strides of B; only for PanelMode.strided. */
  bDepthStride?: number
  bColumnStride?: number
  c: number
  cRowStride: number
  /** Defaults to 4: rows of C are contiguous. */
  cColumnStride?: number
  rows: number
  columns: number
  depth: number
  /** Address of a bias [columns]; 0 for none. */
  bias?: number
  alpha?: number
  /** Adds to what C holds. */
  accumulate?: boolean
  /** A second product of small depth: the low-rank term of a linear layer. */
  low?: LowRankProduct
}

/** A'[rows, depth] · B'[depth, columns]. */
export interface LowRankProduct {
  a: number
  /** Bytes between two rows of A'. Defaults to rows that follow each other. */
  aRowStride?: number
  b: number
  /** Stride of the rows of B'; 0 when it is stored in float32 panels. */
  bDepthStride: number
  depth: number
}

/** Rows that are multiplied with one panel before the next is prepared: they should stay in the second-level cache. */
const MAXIMUM_TILE_ROWS = 256
/** Tiles have whole blocks, whatever the number of rows of a block: 2, 6 or 12. */
const BLOCK_MULTIPLE = 12

/** Calls the kernel of one product. */
export function gemm(calls: KernelCalls, product: Product): void {
  const { rows, columns, depth } = product
  if (rows === 0 || columns === 0) return
  const panels = Math.ceil(columns / 16)
  // Enough tiles that the threads end at about the same time, but no more: each tile prepares its panel anew.
  const wantedTiles = calls.threads * 4
  const chunks = Math.max(
    Math.ceil(rows / MAXIMUM_TILE_ROWS),
    Math.min(Math.ceil(wantedTiles / panels), Math.ceil(rows / 32)),
  )
  const tileRows = Math.ceil(rows / chunks / BLOCK_MULTIPLE) * BLOCK_MULTIPLE
  const { low } = product
  const scratch = calls.scratch(BLOCK_BYTES + (Math.ceil(depth / 16) * 16 + (low?.depth ?? 0)) * 64)
  const { args, floatArgs } = calls
  args[0] = product.a
  args[1] = product.aRowStride
  args[2] = product.aDepthStride
  args[3] = product.b
  args[4] = product.mode
  args[5] = product.bDepthStride ?? 0
  args[6] = product.bColumnStride ?? 0
  args[7] = product.c
  args[8] = product.cRowStride
  args[9] = product.cColumnStride ?? 4
  args[10] = rows
  args[11] = columns
  args[12] = depth
  args[13] = product.bias ?? 0
  floatArgs[14] = product.alpha ?? 1
  args[15] = product.accumulate ? 1 : 0
  args[16] = tileRows
  args[17] = scratch.address
  args[18] = scratch.stride
  args[19] = low?.a ?? 0
  args[20] = low?.aRowStride ?? (low?.depth ?? 0) * 4
  args[21] = low?.b ?? 0
  args[22] = low?.bDepthStride ?? 0
  args[23] = low?.depth ?? 0
  calls.run(KernelId.gemm, panels * Math.ceil(rows / tileRows), rows * columns * Math.max(1, depth))
}
