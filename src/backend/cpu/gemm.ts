import { EngineError } from '../../errors.js'
import { BLOCK_BYTES, KernelId } from './constants.js'
import type { KernelCalls } from './kernelCalls.js'

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
  /** Above 2³² in native memory. */
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
/** Up to so many rows, a block of native code has up to four panels; else it has up to two. */
const FEW_ROWS = 4
/** Multiply-adds that a tile should have: some microseconds, beside which handing it out costs nothing. */
const TILE_OPERATIONS = 100_000

/**
 * Calls the kernel of one product.
 * @throws EngineError when a number does not fit into 32 bits or a matrix does not lie within the memory
 */
export function gemm(calls: KernelCalls, product: Product): void {
  const { rows, columns, depth, low } = product
  if (rows === 0 || columns === 0) return
  const panels = Math.ceil(columns / 16)
  // Enough tiles that the threads end at about the same time, but no more: each tile prepares its panel anew.
  const wantedTiles = calls.threads * 4
  const chunks = Math.max(
    Math.ceil(rows / MAXIMUM_TILE_ROWS),
    Math.min(Math.ceil(wantedTiles / panels), Math.ceil(rows / 32)),
  )
  const tileRows = Math.ceil(rows / chunks / BLOCK_MULTIPLE) * BLOCK_MULTIPLE
  const rowTiles = Math.ceil(rows / tileRows)
  let tilePanels = rows <= FEW_ROWS ? 4 : 2
  while (tilePanels < panels && tilePanels * 16 * Math.min(rows, tileRows) * depth < TILE_OPERATIONS) tilePanels *= 2
  while (tilePanels > 1 && Math.ceil(panels / tilePanels) * rowTiles < wantedTiles) tilePanels /= 2
  const scratch = calls.scratch(BLOCK_BYTES + (Math.ceil(depth / 16) * 16 + (low?.depth ?? 0)) * 64)
  const words = [product.a, product.aRowStride, product.aDepthStride]
  words.push(product.b % 2 ** 32, product.mode, product.bDepthStride ?? 0, product.bColumnStride ?? 0)
  words.push(product.c, product.cRowStride, product.cColumnStride ?? 4, rows, columns, depth)
  words.push(product.bias ?? 0, 0, product.accumulate ? 1 : 0, tileRows, scratch.address, scratch.stride)
  words.push(
    low?.a ?? 0,
    low?.aRowStride ?? (low?.depth ?? 0) * 4,
    low?.b ?? 0,
    low?.bDepthStride ?? 0,
    low?.depth ?? 0,
    tilePanels,
    ...[0, 0, 0, 0],
    Math.floor(product.b / 2 ** 32),
  )
  const { args, floatArgs } = calls
  for (let i = 0; i < words.length; i++) {
    args[i] = words[i]!
    if (args[i]! >>> 0 === words[i]) continue
    throw new EngineError(`internal: a product of ${rows} x ${depth} x ${columns} got ${words[i]}; expected 32 bits`)
  }
  floatArgs[14] = product.alpha ?? 1
  calls.run(KernelId.gemm, Math.ceil(panels / tilePanels) * rowTiles, rows * columns * Math.max(1, depth))
}
