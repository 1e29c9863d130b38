/**
 * C = alpha * (A·B + A'·B') (+ C) (+ bias), float32, with B read 16 columns (a panel) at a time. The second product, of small
 * depth, is the low-rank term of a linear layer; it goes on with the accumulators of the first.
 *
 * Every element of C is a sum over the depth in ascending order, whatever the tile, the thread and the number of rows: a row's
 * result does not depend on the rows beside it. (Decoding one token and training on a thousand give the same bits.)
 *
 * B comes in nine forms (`mode`):
 *   0  float32 panels [ceil(N/16)][K][16], as weights are stored: used in place
 *   1  bfloat16 panels, two to a word: column j in the lower and column j + 8 in the upper half of word j (so that widening is
 *      one instruction, also of eight words); widened once a tile, or on the fly for few rows
 *   2  a float32 matrix with any two strides: copied into a panel
 *   3  float32 panels of the transposed matrix [N, K] (for dx = dy·W, where W is stored for y = x·Wᵀ)
 *   4  bfloat16 panels of the transposed matrix
 *   5  panels of codes of 8 bits, 6 of 4 bits, and 7 and 8 those of the transposed matrix; see ./codes
 */
import { bfloat16Block, block, blockRows } from './blocks'
import { scalePanel } from './codes'
import { widenHigh, widenLow } from './simd'
import { threadIndex } from './scheduler'

// Arguments, 32-bit words. Strides are in bytes.
const A = 0, A_ROW = 4, A_DEPTH = 8, B = 12, MODE = 16, B_DEPTH = 20, B_COLUMN = 24
const C = 28, C_ROW = 32, C_COLUMN = 36, ROWS = 40, COLUMNS = 44, DEPTH = 48
const BIAS = 52, ALPHA = 56, ACCUMULATE = 60, TILE_ROWS = 64, SCRATCH = 68, SCRATCH_BYTES = 72
// The second product; its depth is 0 when there is none, and the stride over its depth 0 when B' is stored in float32 panels.
const LOW_A = 76, LOW_A_ROW = 80, LOW_B = 84, LOW_B_DEPTH = 88, LOW_DEPTH = 92
// Panels of a tile.
const TILE_PANELS = 96
// Of codes. There may be no offsets.
const SCALES = 100, OFFSETS = 104, CODEBOOK = 108, GROUP_SIZE = 112

/** Up to so many rows a tile, a bfloat16 panel is widened on the fly: writing it out would cost more. */
const FEW_ROWS = 6
/** The same where vectors are joined to 256 bits; blocks of five rows then leave registers for widening. */
const FEW_ROWS_JOINED = 10

/** Bytes at the start of a thread's scratch that hold the accumulators of one block of up to 6 x 16. */
export const BLOCK_BYTES: usize = 384

/** Sets the accumulators of some rows to 0. (`memory.fill` is a call that takes longer than that.) */
// @ts-ignore: decorator
@inline
function clear(sums: usize, rows: i32): void {
  const zero = f32x4.splat(0)
  for (let at = sums, end = sums + (<usize>rows << 6); at < end; at += 16) v128.store(at, zero)
}

/** Writes 16 accumulators to one row of C. */
// @ts-ignore: decorator
@inline
function storeRow(args: usize, from: usize, c: usize, column: i32, width: i32): void {
  const alpha = load<f32>(args, ALPHA), bias = <usize>load<i32>(args, BIAS), columnStride = <usize>load<i32>(args, C_COLUMN)
  const accumulate = load<i32>(args, ACCUMULATE)
  if (width == 16 && columnStride == 4) {
    for (let j: usize = 0; j < 64; j += 16) {
      let x = v128.load(from + j)
      if (alpha != 1) x = f32x4.mul(x, f32x4.splat(alpha))
      if (bias) x = f32x4.add(x, v128.load(bias + (<usize>column << 2) + j))
      if (accumulate) x = f32x4.add(x, v128.load(c + j))
      v128.store(c + j, x)
    }
    return
  }
  for (let j = 0; j < width; j++) {
    let x = load<f32>(from + (<usize>j << 2))
    if (alpha != 1) x *= alpha
    if (bias) x += load<f32>(bias + (<usize>(column + j) << 2))
    const at = c + <usize>j * columnStride
    if (accumulate) x += load<f32>(at)
    store<f32>(at, x)
  }
}

/** A bfloat16 panel [K][16] as float32. */
function widenPanel(panel: usize, depth: i32, to: usize): void {
  for (let k = 0; k < depth; k++) {
    const w0 = v128.load(panel), w1 = v128.load(panel, 16)
    v128.store(to, widenLow(w0))
    v128.store(to, widenLow(w1), 16)
    v128.store(to, widenHigh(w0), 32)
    v128.store(to, widenHigh(w1), 48)
    panel += 32
    to += 64
  }
}

/** Copies 16 columns of a strided matrix into a panel; columns beyond its width become 0. */
function copyPanel(b: usize, depthStride: usize, columnStride: usize, depth: i32, width: i32, to: usize): void {
  if (width == 16 && columnStride == 4) {
    for (let k = 0; k < depth; k++) {
      v128.store(to, v128.load(b))
      v128.store(to, v128.load(b, 16), 16)
      v128.store(to, v128.load(b, 32), 32)
      v128.store(to, v128.load(b, 48), 48)
      b += depthStride
      to += 64
    }
    return
  }
  for (let j = 0; j < 16; j++) {
    let from = b + <usize>j * columnStride, at = to + (<usize>j << 2)
    for (let k = 0; k < depth; k++) {
      store<f32>(at, j < width ? load<f32>(from) : 0)
      from += depthStride
      at += 64
    }
  }
}

/** Writes the transposed of four vectors to four rows of a panel. */
// @ts-ignore: decorator
@inline
function storeTransposed(x0: v128, x1: v128, x2: v128, x3: v128, to: usize): void {
  const y0 = v128.shuffle<i32>(x0, x1, 0, 4, 1, 5), y1 = v128.shuffle<i32>(x2, x3, 0, 4, 1, 5)
  const y2 = v128.shuffle<i32>(x0, x1, 2, 6, 3, 7), y3 = v128.shuffle<i32>(x2, x3, 2, 6, 3, 7)
  v128.store(to, v128.shuffle<i64>(y0, y1, 0, 2))
  v128.store(to, v128.shuffle<i64>(y0, y1, 1, 3), 64)
  v128.store(to, v128.shuffle<i64>(y2, y3, 0, 2), 128)
  v128.store(to, v128.shuffle<i64>(y2, y3, 1, 3), 192)
}

/** As storeTransposed for words of two bfloat16 numbers: the lower halves go to rows 0 … 3, the upper ones to rows 8 … 11. */
// @ts-ignore: decorator
@inline
function storeTransposedWords(x0: v128, x1: v128, x2: v128, x3: v128, to: usize): void {
  const y0 = v128.shuffle<i32>(x0, x1, 0, 4, 1, 5), y1 = v128.shuffle<i32>(x2, x3, 0, 4, 1, 5)
  const y2 = v128.shuffle<i32>(x0, x1, 2, 6, 3, 7), y3 = v128.shuffle<i32>(x2, x3, 2, 6, 3, 7)
  const z0 = v128.shuffle<i64>(y0, y1, 0, 2), z1 = v128.shuffle<i64>(y0, y1, 1, 3)
  const z2 = v128.shuffle<i64>(y2, y3, 0, 2), z3 = v128.shuffle<i64>(y2, y3, 1, 3)
  v128.store(to, widenLow(z0))
  v128.store(to, widenLow(z1), 64)
  v128.store(to, widenLow(z2), 128)
  v128.store(to, widenLow(z3), 192)
  v128.store(to, widenHigh(z0), 512)
  v128.store(to, widenHigh(z1), 576)
  v128.store(to, widenHigh(z2), 640)
  v128.store(to, widenHigh(z3), 704)
}

/**
 * 16 columns of a weight that is stored in panels of its transposed form: `weight` is [ceil(K/16)][N][16]; the result is
 * [K][16] for the columns column … column + 15, by 4 x 4 transpositions. Stored panels are full (those of the last rows are
 * filled with 0), and the result has room for a multiple of 16 rows; what lies beyond the depth is never read.
 */
function transposePanel(weight: usize, bfloat16: bool, columns: i32, column: i32, width: i32, depth: i32, to: usize): void {
  const rowBytes: usize = bfloat16 ? 32 : 64
  const zero = f32x4.splat(0)
  for (let k = 0; k < depth; k += 16) {
    let r = weight + (<usize>(k >> 4) * columns + column) * rowBytes
    let at = to + (<usize>k << 6)
    for (let j = 0; j < width; j += 4) {
      // Columns beyond the width are 0.
      const r1 = r + rowBytes, r2 = r1 + rowBytes, r3 = r2 + rowBytes, left = width - j
      for (let part: usize = 0; part < rowBytes; part += 16) {
        const x0 = v128.load(r + part)
        let x1 = zero, x2 = zero, x3 = zero
        if (left > 3) {
          x1 = v128.load(r1 + part)
          x2 = v128.load(r2 + part)
          x3 = v128.load(r3 + part)
        } else if (left > 1) {
          x1 = v128.load(r1 + part)
          if (left > 2) x2 = v128.load(r2 + part)
        }
        if (bfloat16) storeTransposedWords(x0, x1, x2, x3, at + (part << 4))
        else storeTransposed(x0, x1, x2, x3, at + (part << 4))
      }
      r += 4 * rowBytes
      at += 16
    }
  }
}

/** The panel of some columns of a weight that is stored as codes, in panels of this form. */
function scaleColumns(args: usize, panelIndex: i32, depth: i32, to: usize): void {
  const int4 = load<i32>(args, MODE) == 6, groupSize = load<i32>(args, GROUP_SIZE), groups = (depth + groupSize - 1) / groupSize
  const offsets = <usize>load<i32>(args, OFFSETS), before = <usize>panelIndex * groups << 6
  const codes = <usize>load<i32>(args, B) + (<usize>panelIndex * (int4 ? (depth + 1) >> 1 : depth) << 4)
  const panelOffsets = offsets ? offsets + before : 0
  scalePanel(codes, int4, <usize>load<i32>(args, SCALES) + before, panelOffsets, <usize>load<i32>(args, CODEBOOK), groupSize, 0, depth, to)
}

/** Transposes a square of 16 by 16 numbers where it stands. */
function transposeSquare(at: usize): void {
  for (let i: usize = 0; i < 16; i += 4) {
    for (let j: usize = i; j < 16; j += 4) {
      const below = at + (j << 6) + (i << 2), above = at + (i << 6) + (j << 2)
      const x0 = v128.load(below), x1 = v128.load(below, 64), x2 = v128.load(below, 128), x3 = v128.load(below, 192)
      storeTransposed(v128.load(above), v128.load(above, 64), v128.load(above, 128), v128.load(above, 192), below)
      if (i != j) storeTransposed(x0, x1, x2, x3, above)
    }
  }
}

/** As transposePanel for codes. */
function scaleTransposed(args: usize, columns: i32, column: i32, width: i32, depth: i32, to: usize): void {
  const int4 = load<i32>(args, MODE) == 8, groupSize = load<i32>(args, GROUP_SIZE), groups = (columns + groupSize - 1) / groupSize
  const panelBytes = <usize>(int4 ? (columns + 1) >> 1 : columns) << 4, codebook = <usize>load<i32>(args, CODEBOOK)
  let codes = <usize>load<i32>(args, B), scales = <usize>load<i32>(args, SCALES), offsets = <usize>load<i32>(args, OFFSETS)
  for (let k = 0; k < depth; k += 16) {
    scalePanel(codes, int4, scales, offsets, codebook, groupSize, column, column + width, to)
    // Columns beyond the width are 0.
    clear(to + (<usize>width << 6), 16 - width)
    transposeSquare(to)
    codes += panelBytes
    scales += <usize>groups << 6
    if (offsets) offsets += <usize>groups << 6
    to += 1024
  }
}

/** Depth of a strided matrix beyond which a tile works through it in steps of DEPTH_BLOCK, so that what it copies stays in the cache. */
const LONG_DEPTH = 640
const DEPTH_BLOCK = 256

/**
 * A tile of a product with a strided matrix of great depth, such as the gradient of a matrix by all tokens of a batch. Accumulators
 * wait in memory between two steps: every element is still one chain of multiply-adds. The scratch has room for them, since a tile has
 * fewer rows than LONG_DEPTH - DEPTH_BLOCK.
 */
function longTile(args: usize, a: usize, b: usize, c: usize, rows: i32, column: i32, width: i32, sums: usize): void {
  const depth = load<i32>(args, DEPTH), bDepth = <usize>load<i32>(args, B_DEPTH), bColumn = <usize>load<i32>(args, B_COLUMN)
  const aRow = <usize>load<i32>(args, A_ROW), aDepth = <usize>load<i32>(args, A_DEPTH), cRow = <usize>load<i32>(args, C_ROW)
  const most = blockRows(), blocks = (rows + most - 1) / most
  const panel = sums + (<usize>rows << 6)
  clear(sums, rows)
  for (let k = 0; k < depth; k += DEPTH_BLOCK) {
    const step = min(DEPTH_BLOCK, depth - k)
    copyPanel(b + <usize>k * bDepth, bDepth, bColumn, step, width, panel)
    for (let i = 0; i < blocks; i++) {
      const first = rows * i / blocks, n = rows * (i + 1) / blocks - first
      block(n, a + <usize>first * aRow + <usize>k * aDepth, aRow, aDepth, panel, 64, step, sums + (<usize>first << 6), 64)
    }
  }
  for (let r = 0; r < rows; r++) {
    storeRow(args, sums + (<usize>r << 6), c, column, width)
    c += cRow
  }
}

/** One tile: up to TILE_ROWS rows of C by up to TILE_PANELS times 16 columns. */
export function gemmTile(args: usize, tile: i32): void {
  const panels = (load<i32>(args, COLUMNS) + 15) >> 4, tilePanels = load<i32>(args, TILE_PANELS)
  const across = (panels + tilePanels - 1) / tilePanels, first = tile % across * tilePanels
  const tileRows = load<i32>(args, TILE_ROWS), firstRow = (tile / across) * tileRows
  const endRow = min(load<i32>(args, ROWS), firstRow + tileRows)
  for (let panel = first, end = min(panels, first + tilePanels); panel < end; panel++) gemmPanel(args, panel, firstRow, endRow)
}

function gemmPanel(args: usize, panelIndex: i32, firstRow: i32, endRow: i32): void {
  const columns = load<i32>(args, COLUMNS), depth = load<i32>(args, DEPTH)
  const column = panelIndex << 4, width = min(16, columns - column)
  const sums = <usize>load<i32>(args, SCRATCH) + <usize>threadIndex() * <usize>load<i32>(args, SCRATCH_BYTES)
  const scratch = sums + BLOCK_BYTES
  const mode = load<i32>(args, MODE), b = <usize>load<i32>(args, B)
  if (mode == 2 && depth > LONG_DEPTH && load<i32>(args, LOW_DEPTH) == 0) {
    const a = <usize>load<i32>(args, A) + <usize>firstRow * <usize>load<i32>(args, A_ROW)
    const c = <usize>load<i32>(args, C) + <usize>firstRow * <usize>load<i32>(args, C_ROW)
    const columnStart = <usize>column * <usize>load<i32>(args, B_COLUMN), cColumn = <usize>column * <usize>load<i32>(args, C_COLUMN)
    longTile(args, a, b + columnStart, c + cColumn, endRow - firstRow, column, width, sums)
    return
  }
  const few = mode == 1 && endRow - firstRow <= (blockRows() > 2 ? FEW_ROWS_JOINED : FEW_ROWS)

  let panel = scratch
  if (mode == 0) panel = b + <usize>panelIndex * depth * 64
  else if (few) panel = b + <usize>panelIndex * depth * 32
  else if (mode == 1) widenPanel(b + <usize>panelIndex * depth * 32, depth, scratch)
  else if (mode == 2) {
    const columnStride = <usize>load<i32>(args, B_COLUMN)
    copyPanel(b + <usize>column * columnStride, <usize>load<i32>(args, B_DEPTH), columnStride, depth, width, scratch)
  } else if (mode == 3 || mode == 4) transposePanel(b, mode == 4, columns, column, width, depth, scratch)
  else if (mode == 5 || mode == 6) scaleColumns(args, panelIndex, depth, scratch)
  else scaleTransposed(args, columns, column, width, depth, scratch)

  const lowDepth = load<i32>(args, LOW_DEPTH), lowBDepth = <usize>load<i32>(args, LOW_B_DEPTH), lowB = <usize>load<i32>(args, LOW_B)
  let lowPanel = lowB + <usize>panelIndex * lowDepth * 64
  if (lowDepth && lowBDepth) {
    lowPanel = scratch + (<usize>((depth + 15) & ~15) << 6)
    copyPanel(lowB + (<usize>column << 2), lowBDepth, 4, lowDepth, width, lowPanel)
  }
  const lowRow = <usize>load<i32>(args, LOW_A_ROW)
  let low = <usize>load<i32>(args, LOW_A) + <usize>firstRow * lowRow

  const aRow = <usize>load<i32>(args, A_ROW), aDepth = <usize>load<i32>(args, A_DEPTH), cRow = <usize>load<i32>(args, C_ROW)
  let a = <usize>load<i32>(args, A) + <usize>firstRow * aRow
  let c = <usize>load<i32>(args, C) + <usize>firstRow * cRow + <usize>column * <usize>load<i32>(args, C_COLUMN)
  const left = endRow - firstRow, most = few ? min(5, blockRows()) : blockRows(), blocks = (left + most - 1) / most
  for (let i = 0; i < blocks; i++) {
    // Blocks of about equal size: a small last one would be slow.
    const n = left * (i + 1) / blocks - left * i / blocks
    clear(sums, n)
    if (few) bfloat16Block(n, a, aRow, aDepth, panel, depth, sums, 64)
    else block(n, a, aRow, aDepth, panel, 64, depth, sums, 64)
    if (lowDepth) block(n, low, lowRow, 4, lowPanel, 64, lowDepth, sums, 64)
    for (let r = 0; r < n; r++) {
      storeRow(args, sums + (<usize>r << 6), c, column, width)
      c += cRow
    }
    a += <usize>n * aRow
    low += <usize>n * lowRow
  }
}
