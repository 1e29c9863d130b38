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
  int8Panels: 5,
  int4Panels: 6,
  transposedInt8Panels: 7,
  transposedInt4Panels: 8,
} as const

/** Bytes of what codes of 4 bits stand for: see {@link PanelScaling}. */
export const CODEBOOK_BYTES = 128

/** What the codes of a panel are turned into numbers with, by addresses. */
export interface PanelScaling {
  readonly scales: number // [panels, groups, 16]
  /** 0 for none. */
  readonly offsets: number // [panels, groups, 16]
  /** What codes of 4 bits stand for: as float32 numbers, then the first byte of each, the second, the third and the fourth; 0 for none. */
  readonly codebook: number // [16], [4, 16]
  /** Inputs of a group. */
  readonly groupSize: number
}

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
  /** Of B; only for panels of codes. */
  scaling?: PanelScaling | null
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

/** How the panels of a weight lie in memory. */
interface PanelForm {
  /** Bytes of 16 outputs, which are those of so many inputs. */
  readonly bytes: number
  readonly inputs: number
  /** Bits of a code; 0 where there are numbers. */
  readonly codeBits: 0 | 4 | 8
  /** Whether they are read as those of the transposed matrix. */
  readonly isTransposed: boolean
}

const forms = {
  float32: { bytes: 64, inputs: 1, codeBits: 0 },
  bfloat16: { bytes: 32, inputs: 1, codeBits: 0 },
  int8: { bytes: 16, inputs: 1, codeBits: 8 },
  int4: { bytes: 16, inputs: 2, codeBits: 4 },
} as const

/** By mode. */
export const panelForms: Readonly<Partial<Record<number, PanelForm>>> = {
  [PanelMode.float32Panels]: { ...forms.float32, isTransposed: false },
  [PanelMode.bfloat16Panels]: { ...forms.bfloat16, isTransposed: false },
  [PanelMode.transposedFloat32Panels]: { ...forms.float32, isTransposed: true },
  [PanelMode.transposedBfloat16Panels]: { ...forms.bfloat16, isTransposed: true },
  [PanelMode.int8Panels]: { ...forms.int8, isTransposed: false },
  [PanelMode.int4Panels]: { ...forms.int4, isTransposed: false },
  [PanelMode.transposedInt8Panels]: { ...forms.int8, isTransposed: true },
  [PanelMode.transposedInt4Panels]: { ...forms.int4, isTransposed: true },
}

/** Bytes of a panel of a weight that has `width` inputs; Infinity for what is no panel. */
export function panelBytes(mode: number, width: number): number {
  const form = panelForms[mode]
  return form ? Math.ceil(width / form.inputs) * form.bytes : Infinity
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
  const { rows, columns, depth, low, scaling } = product
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
    scaling?.scales ?? 0,
    scaling?.offsets ?? 0,
    scaling?.codebook ?? 0,
    scaling?.groupSize ?? 1,
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
