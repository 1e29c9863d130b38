/**
 * Causal attention with grouped queries over packed sequences with shared prefixes, forward, float32.
 *
 * The keys of a query are one sequence, first a prefix, which several sequences may share, then its own up to itself, cut into blocks
 * of KEY_BLOCK keys from its beginning. A query works through the blocks in order, with a running maximum and sum (online softmax:
 * Milakov and Gimelshein 2018, arXiv 1805.02867; Dao et al. 2022, arXiv 2205.14135). Every sum has one order, so a query's result
 * depends on itself and on the keys that it sees, and neither on the queries beside it, nor on where the keys lie or the prefix ends,
 * nor on the number of threads or the width of vectors:
 *   score   = Σ q[d] · (k[d] · scale): fused multiply-adds from 0, d ascending
 *   maximum = the largest score of this block and those before
 *   p       = exp(score − maximum), 0 for keys that are not seen; some of these are gone through all the same, so a value that is NaN or
 *             infinite may reach queries of its sequence that stand shortly before it
 *   total   = total · exp(maximum before − maximum) + Σ p; Σ p of a block in 16 lanes: lane l adds the keys l, l + 16, …, ascending;
 *             then lane l gets ((l) + (l + 4)) + ((l + 8) + (l + 12)) for l < 4, and the four are added by sumLanes
 *   sum     = sum · exp(maximum before − maximum) where the maximum has grown, and then fused multiply-adds of p · v, keys ascending
 *   y       = sum · (1 / total) + 0, and for the gradient logSumExp = maximum + ln total
 */
import {
  ENTRIES, K, KEY_BLOCK, KEY_PANELS, LIST, LOG_SUM_EXP, Q, SCORE_ROW, V, Y, copyQueries, group, headBytes, heads, keyStride, mix,
  paddedBytes, panelAt, panelStride, queryStride, rowStride, scores, setVisible, start, visible, wholePanels, wholeRows, writeRow,
} from './attentionTile'
import { expBelow4 } from './exp'
import { log4 } from './log'
import { maxLane, sumLanes } from './simd'

// A tile of the forward pass and of dq: some queries, which have the prefix in common, with all query heads of one key-value head.
// Its rows are row = query · group + head. An entry of the list says which:
//   first query, queries, first row of the prefix's values, first panel of its keys, keys of the prefix, place of the pieces, pieces.
// A piece is a run of these queries with one sequence of their own; its place is in bytes from the start of the list:
//   first query (from 0 in the entry), queries, first row of the own values, first panel of the own keys, own keys that the first
//   query sees.
export const ENTRY_BYTES = 28, PIECE_BYTES = 20

// Where the tile's rows lie in the scratch.
let rowsOfQ: usize, block: usize, sums: usize, maxima: usize, totals: usize, shrinks: usize, lanes: usize, copies: usize

/**
 * One tile of y and logSumExp. Scratch: of each row q and the sums of v, padded, and SCORE_ROW bytes of scores; three numbers for each of
 * 16 · ceil(rows / 16) rows; 128 bytes; and, for head dimensions that are no multiple of 16, KEY_BLOCK padded rows of values.
 */
export function attentionTile(args: usize, tile: i32): void {
  rowsOfQ = start(args)
  const entries = load<i32>(args, ENTRIES), list = <usize>load<i32>(args, LIST)
  const keyValueHead = tile / entries, entry = list + <usize>(tile % entries) * ENTRY_BYTES
  const firstQuery = load<i32>(entry), queries = load<i32>(entry, 4), rows = queries * group
  const rowNumbers = <usize>wholePanels(rows) << 2
  block = rowsOfQ + <usize>rows * paddedBytes + 64
  sums = block + <usize>rows * SCORE_ROW
  lanes = sums + <usize>rows * paddedBytes
  maxima = lanes + 64
  totals = maxima + rowNumbers
  shrinks = totals + rowNumbers
  copies = shrinks + rowNumbers

  const rowOffset = <usize>firstQuery * queryStride + <usize>(keyValueHead * group) * headBytes
  copyQueries(<usize>load<i32>(args, Q) + rowOffset, queries, rowsOfQ)
  memory.fill(sums, 0, <usize>rows * paddedBytes)
  for (let row = 0; row < rows; row++) {
    store<f32>(maxima + (<usize>row << 2), <f32>-Infinity)
    store<f32>(totals + (<usize>row << 2), 0)
  }

  const v = <usize>load<i32>(args, V) + <usize>keyValueHead * headBytes
  const panels = panelAt(<usize>load<i32>(args, KEY_PANELS), 0, keyValueHead)
  prefixLength = load<i32>(entry, 16)
  const prefixPanels = panels + <usize>load<i32>(entry, 12) * panelStride, prefixValues = v + <usize>load<i32>(entry, 8) * keyStride
  const pieces = list + <usize>load<i32>(entry, 20), end = pieces + <usize>load<i32>(entry, 24) * PIECE_BYTES
  let length = 0
  for (let piece = pieces; piece < end; piece += PIECE_BYTES) {
    length = max(length, prefixLength + load<i32>(piece, 4) + load<i32>(piece, 16) - 1)
  }
  for (let first = 0; first < length; first += KEY_BLOCK) {
    const shared = min(KEY_BLOCK, max(0, prefixLength - first))
    if (shared > 0) {
      setVisible(shared, shared, group)
      scores(rows, rowsOfQ, paddedBytes, prefixPanels + <usize>(first >> 4) * panelStride, block)
    }
    for (let piece = pieces; piece < end; piece += PIECE_BYTES) {
      if (!setPiece(piece, first, shared)) continue
      if (ownCount > 0) scoreOwnKeys(panels + <usize>load<i32>(piece, 12) * panelStride, shared)
      setVisible(shared + ownCount, shared + ownSeen, group)
      softmax(pieceRows, pieceBlock, <usize>pieceRow << 2, sums + <usize>pieceRow * paddedBytes)
    }
    if (shared > 0) {
      setVisible(shared, shared, group)
      mix(rows, block, wholeRows(prefixValues + <usize>first * keyStride, keyStride, shared, copies), rowStride, sums)
    }
    for (let piece = pieces; piece < end; piece += PIECE_BYTES) {
      if (!setPiece(piece, first, shared) || ownCount == 0) continue
      setVisible(ownCount, ownSeen, group)
      const values = wholeRows(v + <usize>(load<i32>(piece, 8) + ownFirst) * keyStride, keyStride, ownCount, copies)
      mix(pieceRows, pieceBlock + (<usize>shared << 2), values, rowStride, sums + <usize>pieceRow * paddedBytes)
    }
  }
  writeResults(args, rowOffset, firstQuery * heads + keyValueHead * group, queries)
}

/** Writes y and logSumExp, of which the tile's first rows lie at the given bytes and at the given number. */
function writeResults(args: usize, rowOffset: usize, firstNumber: i32, queries: i32): void {
  for (let at: usize = 0; at < <usize>(queries * group) << 2; at += 16) {
    const total = v128.load(totals + at)
    v128.store(maxima + at, f32x4.add(v128.load(maxima + at), log4(total)))
    v128.store(totals + at, f32x4.div(f32x4.splat(1), total))
  }
  let y = <usize>load<i32>(args, Y) + rowOffset, logSumExp = <usize>load<i32>(args, LOG_SUM_EXP) + (<usize>firstNumber << 2)
  for (let query = 0, row = 0; query < queries; query++) {
    for (let head = 0; head < group; head++, row++) {
      writeRow(sums + <usize>row * paddedBytes, load<f32>(totals + (<usize>row << 2)), y + <usize>head * headBytes)
      store<f32>(logSumExp + (<usize>head << 2), load<f32>(maxima + (<usize>row << 2)))
    }
    y += queryStride
    logSumExp += <usize>heads << 2
  }
}

// What a piece of the tile has to do with the block of keys that is worked on: its first row and its rows, where their scores lie, its
// first own key in the block, how many there are, and how many of them its first query sees.
let prefixLength: i32, pieceRow: i32, pieceRows: i32, pieceBlock: usize, ownFirst: i32, ownCount: i32, ownSeen: i32

/** Sets what is said above for the block that begins with key `first`, of which `shared` keys are the prefix's; false if it has no keys. */
function setPiece(piece: usize, first: i32, shared: i32): bool {
  const queries = load<i32>(piece, 4), seen = load<i32>(piece, 16), length = seen + queries - 1
  if (prefixLength + length <= first) return false
  pieceRow = load<i32>(piece) * group
  pieceRows = queries * group
  pieceBlock = block + <usize>pieceRow * SCORE_ROW
  ownFirst = max(0, first - prefixLength)
  ownCount = min(KEY_BLOCK - shared, length - ownFirst)
  ownSeen = seen - ownFirst
  return true
}

/** The scores of a piece with its own keys behind those with `shared` keys of the prefix. Their first panel may begin before the block. */
function scoreOwnKeys(panels: usize, shared: i32): void {
  const before = ownFirst & 15, out = pieceBlock + (<usize>shared << 2) - (<usize>before << 2)
  setVisible(before + ownCount, before + ownSeen, group)
  scores(pieceRows, rowsOfQ + <usize>pieceRow * paddedBytes, paddedBytes, panels + <usize>(ownFirst >> 4) * panelStride, out)
}

/**
 * Turns scores into exp(score − running maximum), 0 for keys that a row does not see, and brings the running maxima, totals and sums
 * up to date.
 */
function softmax(rows: i32, first: usize, offset: usize, rowSums: usize): void {
  for (let row = 0; row < rows; row++) {
    const seen = visible(row), at = offset + (<usize>row << 2)
    let shrink: f32 = 0
    if (seen > 0) {
      const from = first + <usize>row * SCORE_ROW, end = from + (<usize>wholePanels(seen) << 2), before = load<f32>(maxima + at)
      for (let unseen = from + (<usize>seen << 2); unseen < end; unseen += 4) store<f32>(unseen, <f32>-Infinity)
      const maximum = max(before, largest(from, end))
      store<f32>(maxima + at, maximum)
      shrink = before - maximum
    }
    store<f32>(shrinks + (<usize>row << 2), shrink)
  }
  for (let at: usize = 0; at < <usize>rows << 2; at += 16) v128.store(shrinks + at, expBelow4(v128.load(shrinks + at)))

  const width = <usize>wholePanels(visible(rows - 1)) << 2, zero = f32x4.splat(0)
  for (let row = 0; row < rows; row++) {
    const seen = visible(row), from = first + <usize>row * SCORE_ROW, end = from + (<usize>wholePanels(seen) << 2)
    if (seen > 0) {
      const shrink = load<f32>(shrinks + (<usize>row << 2)), at = totals + offset + (<usize>row << 2)
      if (shrink != 1) multiply(rowSums, shrink)
      store<f32>(at, load<f32>(at) * shrink + exponentials(from, end, load<f32>(maxima + offset + (<usize>row << 2))))
    }
    for (let unseen = end; unseen < from + width; unseen += 16) v128.store(unseen, zero)
    rowSums += paddedBytes
  }
}

// The vectors of a loop end in memory, side by side, so that V8 can join them to wider ones.

/** The largest of a row's scores. */
function largest(from: usize, end: usize): f32 {
  let t0 = v128.load(from), t1 = v128.load(from, 16), t2 = v128.load(from, 32), t3 = v128.load(from, 48)
  for (let at = from + 64; at < end; at += 64) {
    t0 = f32x4.pmax(t0, v128.load(at))
    t1 = f32x4.pmax(t1, v128.load(at, 16))
    t2 = f32x4.pmax(t2, v128.load(at, 32))
    t3 = f32x4.pmax(t3, v128.load(at, 48))
  }
  v128.store(lanes, t0)
  v128.store(lanes, t1, 16)
  v128.store(lanes, t2, 32)
  v128.store(lanes, t3, 48)
  return maxLane(f32x4.pmax(f32x4.pmax(v128.load(lanes), v128.load(lanes, 16)), f32x4.pmax(v128.load(lanes, 32), v128.load(lanes, 48))))
}

/** Multiplies the sums of a row. */
function multiply(row: usize, by: f32): void {
  const factor = f32x4.splat(by)
  for (const end = row + paddedBytes; row < end; row += 64) {
    const x0 = v128.load(row), x1 = v128.load(row, 16), x2 = v128.load(row, 32), x3 = v128.load(row, 48)
    v128.store(row, f32x4.mul(x0, factor))
    v128.store(row, f32x4.mul(x1, factor), 16)
    v128.store(row, f32x4.mul(x2, factor), 32)
    v128.store(row, f32x4.mul(x3, factor), 48)
  }
}

/** Turns a row of scores into exp(score − maximum); their sum. */
function exponentials(from: usize, end: usize, maximum: f32): f32 {
  const shift = f32x4.splat(maximum)
  let a0 = f32x4.splat(0), a1 = f32x4.splat(0), a2 = f32x4.splat(0), a3 = f32x4.splat(0)
  for (let at = from; at < end; at += 64) {
    const p0 = expBelow4(f32x4.sub(v128.load(at), shift)), p1 = expBelow4(f32x4.sub(v128.load(at, 16), shift))
    const p2 = expBelow4(f32x4.sub(v128.load(at, 32), shift)), p3 = expBelow4(f32x4.sub(v128.load(at, 48), shift))
    v128.store(at, p0)
    v128.store(at, p1, 16)
    v128.store(at, p2, 32)
    v128.store(at, p3, 48)
    a0 = f32x4.add(a0, p0)
    a1 = f32x4.add(a1, p1)
    a2 = f32x4.add(a2, p2)
    a3 = f32x4.add(a3, p3)
  }
  v128.store(lanes, a0)
  v128.store(lanes, a1, 16)
  v128.store(lanes, a2, 32)
  v128.store(lanes, a3, 48)
  const low = f32x4.add(v128.load(lanes), v128.load(lanes, 16)), high = f32x4.add(v128.load(lanes, 32), v128.load(lanes, 48))
  return <f32>sumLanes(f32x4.add(low, high))
}
