/**
 * What the kernels of attention share: their arguments, products as blocks of ./blocks, and the layout of a tile's scratch.
 *
 * Scores need 16 keys side by side: keys (and for the gradient values) are read from panels [D][16], element d of 16 keys in a row.
 * Panels of keys hold k · scale, so that nothing is scaled later. A panel has the rows of all key-value heads below each other:
 *   panels [P][G·D][16]; head h of panel p lies at ((p · G + h) · D) · 64 bytes.
 * A run of keys has panels of its own, whose first key is the run's first; what stands behind the run's last key is never used.
 * Outputs need 16 numbers of a value side by side, as they lie in the matrices [S, G·D].
 */
import { block, blockRows } from './blocks'
import { threadIndex } from './scheduler'

// Arguments, 32-bit words. The lists of work are described at the kernels that read them.
export const Q = 0, K = 4, V = 8, Y = 12, LOG_SUM_EXP = 16, DY = 20, DELTA = 24, DQ = 28, DK = 32, DV = 36
export const KEY_PANELS = 40, VALUE_PANELS = 44, HEADS = 48, KEY_VALUE_HEADS = 52, HEAD_DIM = 56, SCALE = 60
export const LIST = 64, ENTRIES = 68, SCRATCH = 72, SCRATCH_BYTES = 76

/** Keys of one step of the softmax. Changing it changes the rounding of every result. */
export const KEY_BLOCK = 64
/**
 * Bytes between two rows of scores: those of a block of keys, and room for 16 more between them, which panels that begin before the
 * block or end behind it write to.
 */
export const SCORE_ROW: usize = KEY_BLOCK + 16 << 2

// What the functions below share while they work on a tile. Each thread is an instance of its own, so these are not shared.
export let headDim: i32, headBytes: usize
/** Bytes of a row of a tile's own matrices: a head's numbers, filled up to whole blocks of 16. */
export let paddedBytes: usize
/** Bytes between two rows of q, y, dq, dy, and of k, v, dk, dv. */
export let queryStride: usize, keyStride: usize
/** Query heads, and how many of them share a key-value head. */
export let heads: i32, group: i32
/** Bytes between two panels of a head. */
export let panelStride: usize

/** Reads the sizes that the tiles of all kernels need, and returns the thread's scratch. */
export function start(args: usize): usize {
  headDim = load<i32>(args, HEAD_DIM)
  headBytes = <usize>headDim << 2
  paddedBytes = headBytes + 63 & ~63
  heads = load<i32>(args, HEADS)
  const keyValueHeads = load<i32>(args, KEY_VALUE_HEADS)
  group = heads / keyValueHeads
  queryStride = headBytes * <usize>heads
  keyStride = headBytes * <usize>keyValueHeads
  panelStride = keyStride << 4
  return <usize>load<i32>(args, SCRATCH) + <usize>threadIndex() * <usize>load<i32>(args, SCRATCH_BYTES)
}

/** Address of a head's part of a panel. */
// @ts-ignore: decorator
@inline
export function panelAt(panels: usize, panel: i32, keyValueHead: i32): usize {
  return panels + <usize>panel * panelStride + (<usize>keyValueHead * headBytes << 4)
}

// Which of some keys a row sees: row r belongs to query r / rowsPerQuery, query 0 sees the first `firstVisible` keys (0 or
// less: none; `keys` or more: all), each next query one more.
let keys: i32, firstVisible: i32, rowsPerQuery: i32

/** Sets how many keys there are, and what the rows see of them. */
// @ts-ignore: decorator
@inline
export function setVisible(keysOfBlock: i32, seenByFirst: i32, rowsOfQuery: i32): void {
  keys = keysOfBlock
  firstVisible = seenByFirst
  rowsPerQuery = rowsOfQuery
}

/** How many of the keys a row sees: the first ones. */
// @ts-ignore: decorator
@inline
export function visible(row: i32): i32 {
  return min(keys, max(0, firstVisible + row / rowsPerQuery))
}

/** Scores are worked on 16 at a time. */
// @ts-ignore: decorator
@inline
export function wholePanels(keys: i32): i32 {
  return keys + 15 & ~15
}

/** Into how many blocks some rows are cut, each of about as many as the others. */
// @ts-ignore: decorator
@inline
export function blockCount(rows: i32): i32 {
  return (rows + blockRows() - 1) / blockRows()
}

/**
 * out[row][key] = Σ x[row][d] · panel[d][key], one fused chain from 0 along d, for whole panels of the keys that a block of
 * rows sees. Rows of x are `xStride` bytes apart, those of `out` SCORE_ROW.
 */
export function scores(rows: i32, x: usize, xStride: usize, panels: usize, out: usize): void {
  const zero = f32x4.splat(0)
  for (let row = 0, left = blockCount(rows); left > 0; left--) {
    const count = (rows - row + left - 1) / left, end = row + count, seen = visible(end - 1)
    let panel = panels, to = out + <usize>row * SCORE_ROW
    const from = x + <usize>row * xStride
    for (let key = 0; key < seen; key += 16) {
      for (let r = 0, at = to; r < count; r++, at += SCORE_ROW) {
        v128.store(at, zero)
        v128.store(at, zero, 16)
        v128.store(at, zero, 32)
        v128.store(at, zero, 48)
      }
      block(count, from, xStride, 4, panel, 64, headDim, to, SCORE_ROW)
      panel += panelStride
      to += 64
    }
    row = end
  }
}

/**
 * sums[row] += Σ weights[row][key] · matrix[key], one fused chain along the keys, ascending, for each number of a head. A block of
 * rows goes through the same keys: the weights of those that a row does not see must be 0.
 */
export function mix(rows: i32, weights: usize, matrix: usize, stride: usize, sums: usize): void {
  for (let row = 0, left = blockCount(rows); left > 0; left--) {
    const count = (rows - row + left - 1) / left, end = row + count, depth = visible(end - 1)
    const a = weights + <usize>row * SCORE_ROW, out = sums + <usize>row * paddedBytes
    for (let column: usize = 0; column < paddedBytes; column += 64) {
      block(count, a, SCORE_ROW, 4, matrix + column, stride, depth, out + column, paddedBytes)
    }
    row = end
  }
}

/**
 * Rows of a head that can be read 16 numbers at a time: where they lie, or, for a head dimension that is no multiple of 16, copied
 * with zeros behind them. `rowStride` is the distance between two of them.
 */
export function wholeRows(matrix: usize, stride: usize, count: i32, copies: usize): usize {
  if (headBytes == paddedBytes) {
    rowStride = stride
    return matrix
  }
  rowStride = paddedBytes
  copyRows(matrix, stride, count, copies)
  return copies
}
export let rowStride: usize

/** Copies rows of a head to rows of `paddedBytes` with zeros behind them. */
export function copyRows(matrix: usize, stride: usize, count: i32, copies: usize): void {
  for (let row = 0; row < count; row++) {
    let at: usize = 0
    for (; at + 16 <= headBytes; at += 16) v128.store(copies + at, v128.load(matrix + at))
    for (; at < headBytes; at += 4) store<f32>(copies + at, load<f32>(matrix + at))
    for (; at < paddedBytes; at += 4) store<f32>(copies + at, 0)
    matrix += stride
    copies += paddedBytes
  }
}

/** The rows of a tile of queries, row = query · group + head, each of paddedBytes. */
export function copyQueries(matrix: usize, queries: i32, copies: usize): void {
  for (let query = 0; query < queries; query++) {
    copyRows(matrix, headBytes, group, copies)
    matrix += queryStride
    copies += <usize>group * paddedBytes
  }
}

/** Writes headDim numbers times a factor; never −0, which depends on how many keys beyond those that are seen were worked through. */
export function writeRow(from: usize, factor: f32, to: usize): void {
  const factors = f32x4.splat(factor), zero = f32x4.splat(0)
  let left = headDim
  for (; left >= 4; left -= 4) {
    v128.store(to, f32x4.add(f32x4.mul(v128.load(from), factors), zero))
    from += 16
    to += 16
  }
  for (; left > 0; left--) {
    store<f32>(to, load<f32>(from) * factor + 0)
    from += 4
    to += 4
  }
}
