/**
 * Causal attention with grouped queries over packed sequences with shared prefixes, forward and gradient, float32.
 *
 * The keys of a query are one sequence, prefix first, cut into blocks of KEY_BLOCK from its beginning. A query works through
 * the blocks in order with a running maximum and sum (online softmax: Milakov and Gimelshein 2018, arXiv 1805.02867; Dao et al.
 * 2022, arXiv 2205.14135), and every sum runs over the keys in ascending order. So its result depends on itself and on the keys
 * that it sees, and neither on the queries beside it, nor on where the keys lie, nor on the number of threads.
 *
 * The gradient computes the probabilities again, p = exp(s − logSumExp), and with delta = Σ dy·y per query and head:
 * dv = pᵀ·dy,  ds = p · (dy·vᵀ − delta),  dq = scale · ds·k,  dk = scale · dsᵀ·q.
 */
import { exp1, exp4 } from './exp'
import { log1 } from './log'
import { threadIndex } from './scheduler'
import { loadPart, madd, maxLane, sumLanes, sumsOfLanes } from './simd'

// Arguments, 32-bit words. The lists of work are described at the kernels that read them.
const Q = 0, K = 4, V = 8, Y = 12, LOG_SUM_EXP = 16, DY = 20, DELTA = 24, DQ = 28, DK = 32, DV = 36
const HEADS = 40, KEY_VALUE_HEADS = 44, HEAD_DIM = 48, KEYS = 52, SCALE = 56
const LIST = 60, ENTRIES = 64, SCRATCH = 68, SCRATCH_BYTES = 72

/** Keys of one step of the softmax. Changing it changes the rounding of every result. */
export const KEY_BLOCK = 64
/** Bytes of one row of scores. */
const SCORE_ROW: usize = KEY_BLOCK << 2
/** Keys of a tile, and queries of a step, of the gradient with respect to keys and values. */
export const GRADIENT_BLOCK = 32

// What the functions below share while they work on a tile. Each thread is an instance of its own, so these are not shared.
let headDim: i32, headBytes: usize, paddedBytes: usize
/** Bytes between two rows of q, y, dq, dy, and of k, v, dk, dv. */
let queryStride: usize, keyStride: usize
/** A tile's rows are its queries, once for each of its heads: row = head · queries + query. */
let queries: i32, rows: i32
/** The block's keys: `split` of them lie at firstRun, the others at secondRun (byte offsets of key 0 of the block). */
let keys: i32, split: i32, firstRun: usize, secondRun: usize
/** How many of the block's keys query 0 of the tile sees (0 or less: none; `keys` or more: all); each next query sees one more. */
let firstVisible: i32

// @ts-ignore: decorator
@inline
function queryRow(matrix: usize, row: i32): usize {
  return matrix + <usize>(row / queries) * headBytes + <usize>(row % queries) * queryStride
}

// @ts-ignore: decorator
@inline
function keyRow(matrix: usize, key: i32): usize {
  return matrix + (key < split ? firstRun : secondRun) + <usize>key * keyStride
}

/** Number of the block's keys that a row sees. */
// @ts-ignore: decorator
@inline
function visible(row: i32): i32 {
  return min(keys, max(0, firstVisible + row % queries))
}

/** factor · x_i · b_j for two rows and four keys, written to out_i[0 … 3]. */
function dot2x4(
  x0: usize, x1: usize, b0: usize, b1: usize, b2: usize, b3: usize, factor: f32, out0: usize, out1: usize,
): void {
  let c00 = f32x4.splat(0), c01 = c00, c02 = c00, c03 = c00, c10 = c00, c11 = c00, c12 = c00, c13 = c00
  for (let step = headDim >> 2; step > 0; step--) {
    const s0 = v128.load(x0), s1 = v128.load(x1)
    const k0 = v128.load(b0), k1 = v128.load(b1), k2 = v128.load(b2), k3 = v128.load(b3)
    c00 = madd(s0, k0, c00)
    c10 = madd(s1, k0, c10)
    c01 = madd(s0, k1, c01)
    c11 = madd(s1, k1, c11)
    c02 = madd(s0, k2, c02)
    c12 = madd(s1, k2, c12)
    c03 = madd(s0, k3, c03)
    c13 = madd(s1, k3, c13)
    x0 += 16
    x1 += 16
    b0 += 16
    b1 += 16
    b2 += 16
    b3 += 16
  }
  const rest = headDim & 3
  if (rest) {
    const s0 = loadPart(x0, rest), s1 = loadPart(x1, rest)
    const k0 = loadPart(b0, rest), k1 = loadPart(b1, rest), k2 = loadPart(b2, rest), k3 = loadPart(b3, rest)
    c00 = madd(s0, k0, c00)
    c10 = madd(s1, k0, c10)
    c01 = madd(s0, k1, c01)
    c11 = madd(s1, k1, c11)
    c02 = madd(s0, k2, c02)
    c12 = madd(s1, k2, c12)
    c03 = madd(s0, k3, c03)
    c13 = madd(s1, k3, c13)
  }
  v128.store(out0, f32x4.mul(sumsOfLanes(c00, c01, c02, c03), f32x4.splat(factor)))
  v128.store(out1, f32x4.mul(sumsOfLanes(c10, c11, c12, c13), f32x4.splat(factor)))
}

/**
 * out[row][key] = factor · (row of x) · (row of `matrix`) for the block's keys that the row sees, and possibly up to three more.
 * The last of an odd number of rows is paired with itself, here and below: a pair takes hardly longer than one row.
 */
function scores(x: usize, matrix: usize, factor: f32, out: usize): void {
  const last = keys - 1
  for (let row = 0; row < rows; row += 2) {
    const next = min(row + 1, rows - 1), seen = max(visible(row), visible(next))
    const x0 = queryRow(x, row), x1 = queryRow(x, next)
    let out0 = out + <usize>row * SCORE_ROW, out1 = out + <usize>next * SCORE_ROW
    for (let key = 0; key < seen; key += 4) {
      const b0 = keyRow(matrix, key), b1 = keyRow(matrix, min(key + 1, last))
      const b2 = keyRow(matrix, min(key + 2, last)), b3 = keyRow(matrix, min(key + 3, last))
      dot2x4(x0, x1, b0, b1, b2, b3, factor, out0, out1)
      out0 += 16
      out1 += 16
    }
  }
}

/** out_i += Σ a_i[j] · b[j] over `depth` rows of b, in ascending order, for two rows of headDim numbers. */
function accumulate(
  a0: usize, a1: usize, aStride: usize, b: usize, bStride: usize, depth: i32, out0: usize, out1: usize,
): void {
  if (depth <= 0) return
  let left = headDim
  for (; left >= 16; left -= 16) {
    let c00 = v128.load(out0), c01 = v128.load(out0, 16), c02 = v128.load(out0, 32), c03 = v128.load(out0, 48)
    let c10 = v128.load(out1), c11 = v128.load(out1, 16), c12 = v128.load(out1, 32), c13 = v128.load(out1, 48)
    let s0 = a0, s1 = a1, at = b
    for (let j = 0; j < depth; j++) {
      const b0 = v128.load(at), b1 = v128.load(at, 16), b2 = v128.load(at, 32), b3 = v128.load(at, 48)
      const w0 = v128.load_splat<f32>(s0), w1 = v128.load_splat<f32>(s1)
      c00 = madd(w0, b0, c00)
      c01 = madd(w0, b1, c01)
      c02 = madd(w0, b2, c02)
      c03 = madd(w0, b3, c03)
      c10 = madd(w1, b0, c10)
      c11 = madd(w1, b1, c11)
      c12 = madd(w1, b2, c12)
      c13 = madd(w1, b3, c13)
      s0 += aStride
      s1 += aStride
      at += bStride
    }
    v128.store(out0, c00)
    v128.store(out0, c01, 16)
    v128.store(out0, c02, 32)
    v128.store(out0, c03, 48)
    v128.store(out1, c10)
    v128.store(out1, c11, 16)
    v128.store(out1, c12, 32)
    v128.store(out1, c13, 48)
    b += 64
    out0 += 64
    out1 += 64
  }
  for (; left > 0; left -= 4) {
    let c0 = v128.load(out0), c1 = v128.load(out1)
    let s0 = a0, s1 = a1, at = b
    for (let j = 0; j < depth; j++) {
      const x = left >= 4 ? v128.load(at) : loadPart(at, left)
      c0 = madd(v128.load_splat<f32>(s0), x, c0)
      c1 = madd(v128.load_splat<f32>(s1), x, c1)
      s0 += aStride
      s1 += aStride
      at += bStride
    }
    v128.store(out0, c0)
    v128.store(out1, c1)
    b += 16
    out0 += 16
    out1 += 16
  }
}

/** Adds the keys from … to − 1 of the block, which may lie in two runs, to the sums of two rows. */
function mixKeys(weights: usize, matrix: usize, sums: usize, row: i32, next: i32, from: i32, to: i32): void {
  const w0 = weights + <usize>row * SCORE_ROW, w1 = weights + <usize>next * SCORE_ROW
  const out0 = sums + <usize>row * paddedBytes, out1 = sums + <usize>next * paddedBytes
  const middle = min(max(split, from), to), a = <usize>from << 2, b = <usize>middle << 2
  accumulate(w0 + a, w1 + a, 4, keyRow(matrix, from), keyStride, middle - from, out0, out1)
  accumulate(w0 + b, w1 + b, 4, keyRow(matrix, middle), keyStride, to - middle, out0, out1)
}

/** sums[row] += Σ weights[row][key] · (row of `matrix`) over the block's keys that the row sees, and no others. */
function mix(weights: usize, matrix: usize, sums: usize): void {
  for (let row = 0; row < rows; row += 2) {
    const next = min(row + 1, rows - 1), seen = visible(row), seenNext = visible(next), both = min(seen, seenNext)
    mixKeys(weights, matrix, sums, row, next, 0, both)
    if (seen > both) mixKeys(weights, matrix, sums, row, row, both, seen)
    if (seenNext > both) mixKeys(weights, matrix, sums, next, next, both, seenNext)
  }
}

/** Sets the numbers between a count and the next multiple of four. */
// @ts-ignore: decorator
@inline
function fillQuad(row: usize, count: i32, value: f32): void {
  for (; count & 3; count++) store<f32>(row + (<usize>count << 2), value)
}

/** Turns a block of scores into exp(score − running maximum) and brings the running maxima, totals and sums of v up to date. */
function softmaxBlock(block: usize, maxima: usize, totals: usize, sums: usize): void {
  for (let row = 0; row < rows; row++) {
    const seen = visible(row)
    if (seen == 0) continue
    const first = block + <usize>row * SCORE_ROW, end = first + (<usize>((seen + 3) >> 2) << 4)
    fillQuad(first, seen, <f32>-Infinity)
    let top = v128.load(first)
    for (let at = first + 16; at < end; at += 16) top = f32x4.pmax(top, v128.load(at))
    const at = <usize>row << 2, before = load<f32>(maxima + at), maximum = max(before, maxLane(top))
    let total = load<f32>(totals + at)
    if (maximum != before) {
      const shrink = exp1(before - maximum), out = sums + <usize>row * paddedBytes
      total *= shrink
      for (let d: usize = 0; d < paddedBytes; d += 16) {
        v128.store(out + d, f32x4.mul(v128.load(out + d), f32x4.splat(shrink)))
      }
      store<f32>(maxima + at, maximum)
    }
    let sum = f32x4.splat(0)
    for (let score = first; score < end; score += 16) {
      const p = exp4(f32x4.sub(v128.load(score), f32x4.splat(maximum)))
      v128.store(score, p)
      sum = f32x4.add(sum, p)
    }
    store<f32>(totals + at, total + <f32>sumLanes(sum))
  }
}

/**
 * Turns scores into probabilities p = exp(score − logSumExp), and dy·vᵀ into ds = scale · p · (dy·vᵀ − delta).
 * `logSumExp` and `delta` are the addresses for row 0, in matrices [N, heads].
 */
function gradientBlock(block: usize, gradients: usize, logSumExp: usize, delta: usize, heads: i32, scale: f32): void {
  for (let row = 0; row < rows; row++) {
    const seen = visible(row), offset = <usize>(row % queries * heads + row / queries) << 2
    const shift = v128.load_splat<f32>(logSumExp + offset), mean = v128.load_splat<f32>(delta + offset)
    let p = block + <usize>row * SCORE_ROW, ds = gradients + <usize>row * SCORE_ROW
    for (let key = 0; key < seen; key += 4) {
      const probability = exp4(f32x4.sub(v128.load(p), shift))
      v128.store(p, probability)
      v128.store(ds, f32x4.mul(f32x4.mul(f32x4.sub(v128.load(ds), mean), probability), f32x4.splat(scale)))
      p += 16
      ds += 16
    }
    fillQuad(block + <usize>row * SCORE_ROW, seen, 0)
    fillQuad(gradients + <usize>row * SCORE_ROW, seen, 0)
  }
}

/** Writes headDim numbers times a factor. */
function writeRow(from: usize, factor: f32, to: usize): void {
  let left = headDim
  for (; left >= 4; left -= 4) {
    v128.store(to, f32x4.mul(v128.load(from), f32x4.splat(factor)))
    from += 16
    to += 16
  }
  for (; left > 0; left--) {
    store<f32>(to, load<f32>(from) * factor)
    from += 4
    to += 4
  }
}

/** Reads what the tiles of all three kernels need, and returns the thread's scratch. */
function start(args: usize): usize {
  headDim = load<i32>(args, HEAD_DIM)
  headBytes = <usize>headDim << 2
  paddedBytes = headBytes + 15 & ~15
  queryStride = headBytes * <usize>load<i32>(args, HEADS)
  keyStride = headBytes * <usize>load<i32>(args, KEY_VALUE_HEADS)
  return <usize>load<i32>(args, SCRATCH) + <usize>threadIndex() * <usize>load<i32>(args, SCRATCH_BYTES)
}

// A tile of the forward pass and of dq: some queries of a segment, with all query heads of one key-value head. An entry of the
// list says which: first query, queries, first key of the prefix, keys of the prefix, first own key, keys that the first query
// sees in all.
const ENTRY_BYTES = 24

/** Sets the queries of a tile. */
function setQueries(entry: usize, group: i32): void {
  queries = load<i32>(entry, 4)
  rows = queries * group
}

/** Sets the block that starts with key `first` of the tile's sequence of keys. */
function setKeys(entry: usize, first: i32): void {
  const prefixStart = load<i32>(entry, 8), prefixLength = load<i32>(entry, 12)
  const keyStart = load<i32>(entry, 16), seen = load<i32>(entry, 20)
  keys = min(KEY_BLOCK, seen + queries - 1 - first)
  split = max(0, min(keys, prefixLength - first))
  firstRun = <usize>(prefixStart + first) * keyStride
  secondRun = <usize>(keyStart + first - prefixLength) * keyStride
  firstVisible = seen - first
}

/**
 * One tile of y and logSumExp. Scratch: scores [rows][KEY_BLOCK], sums of v [rows][headDim, padded], maxima [rows], totals [rows].
 */
export function attentionTile(args: usize, tile: i32): void {
  const block = start(args)
  const heads = load<i32>(args, HEADS), group = heads / load<i32>(args, KEY_VALUE_HEADS), entries = load<i32>(args, ENTRIES)
  const keyValueHead = tile / entries, entry = <usize>load<i32>(args, LIST) + <usize>(tile % entries) * ENTRY_BYTES
  const firstQuery = load<i32>(entry), total = load<i32>(entry, 20) + load<i32>(entry, 4) - 1
  setQueries(entry, group)
  const sums = block + <usize>rows * SCORE_ROW, maxima = sums + <usize>rows * paddedBytes, totals = maxima + (<usize>rows << 2)
  memory.fill(sums, 0, <usize>rows * (paddedBytes + 8))
  for (let row = 0; row < rows; row++) store<f32>(maxima + (<usize>row << 2), <f32>-Infinity)

  const rowOffset = <usize>firstQuery * queryStride + <usize>(keyValueHead * group) * headBytes
  const keyOffset = <usize>keyValueHead * headBytes
  const q = <usize>load<i32>(args, Q) + rowOffset
  const k = <usize>load<i32>(args, K) + keyOffset, v = <usize>load<i32>(args, V) + keyOffset
  const scale = load<f32>(args, SCALE)
  for (let first = 0; first < total; first += KEY_BLOCK) {
    setKeys(entry, first)
    scores(q, k, scale, block)
    softmaxBlock(block, maxima, totals, sums)
    mix(block, v, sums)
  }

  const y = <usize>load<i32>(args, Y) + rowOffset
  const logSumExp = <usize>load<i32>(args, LOG_SUM_EXP) + (<usize>(firstQuery * heads + keyValueHead * group) << 2)
  for (let row = 0; row < rows; row++) {
    const at = <usize>row << 2, sum = load<f32>(totals + at)
    writeRow(sums + <usize>row * paddedBytes, 1 / sum, queryRow(y, row))
    store<f32>(logSumExp + (<usize>(row % queries * heads + row / queries) << 2), load<f32>(maxima + at) + log1(sum))
  }
}

/** Σ a·b over headDim numbers. */
function dot(a: usize, b: usize): f32 {
  let sum = f32x4.splat(0), left = headDim
  for (; left >= 4; left -= 4) {
    sum = madd(v128.load(a), v128.load(b), sum)
    a += 16
    b += 16
  }
  if (left) sum = madd(loadPart(a, left), loadPart(b, left), sum)
  return <f32>sumLanes(sum)
}

/** One tile of delta and dq. Scratch: scores and their gradients, each [rows][KEY_BLOCK], sums [rows][headDim, padded]. */
export function attentionQueryGradientTile(args: usize, tile: i32): void {
  const block = start(args)
  const heads = load<i32>(args, HEADS), group = heads / load<i32>(args, KEY_VALUE_HEADS), entries = load<i32>(args, ENTRIES)
  const keyValueHead = tile / entries, entry = <usize>load<i32>(args, LIST) + <usize>(tile % entries) * ENTRY_BYTES
  const firstQuery = load<i32>(entry), total = load<i32>(entry, 20) + load<i32>(entry, 4) - 1
  setQueries(entry, group)
  const gradients = block + <usize>rows * SCORE_ROW, sums = gradients + <usize>rows * SCORE_ROW
  memory.fill(sums, 0, <usize>rows * paddedBytes)

  const rowOffset = <usize>firstQuery * queryStride + <usize>(keyValueHead * group) * headBytes
  const keyOffset = <usize>keyValueHead * headBytes, headOffset = <usize>(firstQuery * heads + keyValueHead * group) << 2
  const q = <usize>load<i32>(args, Q) + rowOffset, dy = <usize>load<i32>(args, DY) + rowOffset
  const y = <usize>load<i32>(args, Y) + rowOffset, dq = <usize>load<i32>(args, DQ) + rowOffset
  const k = <usize>load<i32>(args, K) + keyOffset, v = <usize>load<i32>(args, V) + keyOffset
  const logSumExp = <usize>load<i32>(args, LOG_SUM_EXP) + headOffset, delta = <usize>load<i32>(args, DELTA) + headOffset
  const scale = load<f32>(args, SCALE)
  for (let row = 0; row < rows; row++) {
    store<f32>(delta + (<usize>(row % queries * heads + row / queries) << 2), dot(queryRow(dy, row), queryRow(y, row)))
  }
  for (let first = 0; first < total; first += KEY_BLOCK) {
    setKeys(entry, first)
    scores(q, k, scale, block)
    scores(dy, v, 1, gradients)
    gradientBlock(block, gradients, logSumExp, delta, heads, scale)
    mix(gradients, k, sums)
  }
  for (let row = 0; row < rows; row++) writeRow(sums + <usize>row * paddedBytes, 1, queryRow(dq, row))
}

// A tile of dk and dv: GRADIENT_BLOCK keys of one key-value head. The list begins with the offsets of the blocks' visitors, one
// more than there are blocks; a visitor is a run of queries with a run of the block's keys:
//   first query, queries, first key, keys, keys of the run that the first query sees.
const VISITOR_BYTES = 20

/** One tile of dk and dv, from delta. Scratch: scores and gradients, each [GRADIENT_BLOCK][KEY_BLOCK], sums for dk and for dv. */
export function attentionKeyGradientTile(args: usize, tile: i32): void {
  const block = start(args), gradients = block + SCORE_ROW * GRADIENT_BLOCK
  const dkSums = gradients + SCORE_ROW * GRADIENT_BLOCK, dvSums = dkSums + paddedBytes * GRADIENT_BLOCK
  memory.fill(dkSums, 0, 2 * paddedBytes * GRADIENT_BLOCK)
  const heads = load<i32>(args, HEADS), group = heads / load<i32>(args, KEY_VALUE_HEADS), blocks = load<i32>(args, ENTRIES)
  const list = <usize>load<i32>(args, LIST), keyValueHead = tile / blocks, blockIndex = tile % blocks
  const firstKey = blockIndex * GRADIENT_BLOCK, offsets = list + (<usize>blockIndex << 2)
  const keyOffset = <usize>keyValueHead * headBytes
  const k = <usize>load<i32>(args, K) + keyOffset, v = <usize>load<i32>(args, V) + keyOffset
  const logSumExp = <usize>load<i32>(args, LOG_SUM_EXP), delta = <usize>load<i32>(args, DELTA)
  const scale = load<f32>(args, SCALE)

  const end = list + <usize>load<i32>(offsets, 4)
  for (let visitor = list + <usize>load<i32>(offsets); visitor < end; visitor += VISITOR_BYTES) {
    const firstQuery = load<i32>(visitor), queryCount = load<i32>(visitor, 4), runStart = load<i32>(visitor, 8)
    keys = load<i32>(visitor, 12)
    split = keys
    firstRun = <usize>runStart * keyStride
    const runOffset = <usize>(runStart - firstKey) * paddedBytes
    for (let head = keyValueHead * group; head < (keyValueHead + 1) * group; head++) {
      for (let query = 0; query < queryCount; query += GRADIENT_BLOCK) {
        queries = min(GRADIENT_BLOCK, queryCount - query)
        rows = queries
        firstVisible = load<i32>(visitor, 16) + query
        const rowOffset = <usize>(firstQuery + query) * queryStride + <usize>head * headBytes
        const headOffset = <usize>((firstQuery + query) * heads + head) << 2
        const q = <usize>load<i32>(args, Q) + rowOffset, dy = <usize>load<i32>(args, DY) + rowOffset
        scores(q, k, scale, block)
        scores(dy, v, 1, gradients)
        gradientBlock(block, gradients, logSumExp + headOffset, delta + headOffset, heads, scale)
        for (let key = 0; key < keys; key += 2) {
          // A pair of keys starts with the first row that sees one of them; where that does not see the other, p = ds = 0.
          const row = max(0, key + 1 - firstVisible), depth = rows - row
          const next = min(key + 1, keys - 1), down = <usize>row * queryStride
          const a0 = <usize>row * SCORE_ROW + (<usize>key << 2), a1 = <usize>row * SCORE_ROW + (<usize>next << 2)
          const out0 = runOffset + <usize>key * paddedBytes, out1 = runOffset + <usize>next * paddedBytes
          accumulate(block + a0, block + a1, SCORE_ROW, dy + down, queryStride, depth, dvSums + out0, dvSums + out1)
          accumulate(gradients + a0, gradients + a1, SCORE_ROW, q + down, queryStride, depth, dkSums + out0, dkSums + out1)
        }
      }
    }
  }
  const count = min(GRADIENT_BLOCK, load<i32>(args, KEYS) - firstKey)
  for (let key = 0; key < count; key++) {
    const to = <usize>(firstKey + key) * keyStride + keyOffset, from = <usize>key * paddedBytes
    writeRow(dkSums + from, 1, <usize>load<i32>(args, DK) + to)
    writeRow(dvSums + from, 1, <usize>load<i32>(args, DV) + to)
  }
}
