/**
 * The gradient of attention. It computes the probabilities again, p = exp(score − logSumExp), and with delta = Σ dy·y per query and
 * head: dv = pᵀ·dy,  ds = p · (dy·vᵀ − delta),  dq = scale · (ds·k),  dk = scale · (dsᵀ·q).
 *
 * The order of every sum:
 *   score, dy·vᵀ  fused multiply-adds from 0, d ascending; as in ./attention the keys were multiplied by the scale before
 *   delta         16 lanes of fused multiply-adds: lane l takes the numbers l, l + 16, …, ascending (zeros behind the last one); then
 *                 lane l gets ((l) + (l + 4)) + ((l + 8) + (l + 12)) for l < 4, and the four are added by sumLanes
 *   ds            (dy·vᵀ − delta) · p, rounded after each
 *   dq            fused multiply-adds of ds · k from 0 over the prefix's keys, then the own ones, ascending; times the scale, + 0
 *   dk, dv        fused multiply-adds of ds · q and p · dy from 0 over the key's visitors in the order of the list, in each visitor head
 *                 by head, in each head query by query; dk times the scale, + 0
 */
import { ENTRY_BYTES, PIECE_BYTES } from './attention'
import {
  DELTA, DK, DQ, DV, DY, ENTRIES, K, KEY_BLOCK, KEY_PANELS, LIST, LOG_SUM_EXP, Q, SCALE, SCORE_ROW, V, VALUE_PANELS, Y, blockCount, copyQueries,
  group, headBytes, heads, keyStride, mix, paddedBytes, panelAt, panelStride, queryStride, rowStride, scores, setVisible, start, visible,
  wholePanels, wholeRows, writeRow,
} from './attentionTile'
import { block as product } from './blocks'
import { expBelow4 } from './exp'
import { loadPart, madd, sumLanes } from './simd'

/** Keys of a tile of dk and dv, and queries of one of its steps. */
export const GRADIENT_BLOCK = 32, QUERY_BLOCK = 64

// Where what a tile works on lies in the scratch: [rows][KEY_BLOCK] scores and gradients of scores, and rows copied with zeros behind.
let block: usize, gradients: usize, copies: usize

/** Σ a·b over a head's numbers, in 16 lanes. */
function dot(a: usize, b: usize): f32 {
  let s0 = f32x4.splat(0), s1 = s0, s2 = s0, s3 = s0, at: usize = 0
  for (; at + 64 <= headBytes; at += 64) {
    s0 = madd(v128.load(a + at), v128.load(b + at), s0)
    s1 = madd(v128.load(a + at, 16), v128.load(b + at, 16), s1)
    s2 = madd(v128.load(a + at, 32), v128.load(b + at, 32), s2)
    s3 = madd(v128.load(a + at, 48), v128.load(b + at, 48), s3)
  }
  if (at < headBytes) {
    s0 = madd(partAt(a, at), partAt(b, at), s0)
    s1 = madd(partAt(a, at + 16), partAt(b, at + 16), s1)
    s2 = madd(partAt(a, at + 32), partAt(b, at + 32), s2)
    s3 = madd(partAt(a, at + 48), partAt(b, at + 48), s3)
  }
  return <f32>sumLanes(f32x4.add(f32x4.add(s0, s1), f32x4.add(s2, s3)))
}

/** Four numbers of a head, zeros behind its last one. */
function partAt(row: usize, at: usize): v128 {
  if (at + 16 <= headBytes) return v128.load(row + at)
  return at < headBytes ? loadPart(row + at, <i32>(headBytes - at) >> 2) : f32x4.splat(0)
}

/**
 * Turns scores into probabilities, and dy·vᵀ into ds, 0 for keys that a row does not see. `logSumExp` and `delta` are the addresses
 * of row 0, in matrices [N, heads]; rows are `rowsPerQuery` heads of each query.
 */
function probabilities(rows: i32, rowsPerQuery: i32, p: usize, ds: usize, logSumExp: usize, delta: usize): void {
  const width = <usize>wholePanels(visible(rows - 1)) << 2, zero = f32x4.splat(0)
  for (let row = 0; row < rows; row++) {
    const seen = <usize>visible(row) << 2, end = <usize>wholePanels(visible(row)) << 2
    const offset = <usize>(row / rowsPerQuery * heads + row % rowsPerQuery) << 2
    const shift = v128.load_splat<f32>(logSumExp + offset), mean = v128.load_splat<f32>(delta + offset)
    for (let at: usize = 0; at < end; at += 64) {
      const from = p + at, to = ds + at
      const s0 = v128.load(from), s1 = v128.load(from, 16), s2 = v128.load(from, 32), s3 = v128.load(from, 48)
      const d0 = v128.load(to), d1 = v128.load(to, 16), d2 = v128.load(to, 32), d3 = v128.load(to, 48)
      const p0 = expBelow4(f32x4.sub(s0, shift)), p1 = expBelow4(f32x4.sub(s1, shift))
      const p2 = expBelow4(f32x4.sub(s2, shift)), p3 = expBelow4(f32x4.sub(s3, shift))
      v128.store(from, p0)
      v128.store(from, p1, 16)
      v128.store(from, p2, 32)
      v128.store(from, p3, 48)
      v128.store(to, f32x4.mul(f32x4.sub(d0, mean), p0))
      v128.store(to, f32x4.mul(f32x4.sub(d1, mean), p1), 16)
      v128.store(to, f32x4.mul(f32x4.sub(d2, mean), p2), 32)
      v128.store(to, f32x4.mul(f32x4.sub(d3, mean), p3), 48)
    }
    for (let at = seen; at < end; at += 4) {
      store<f32>(p + at, 0)
      store<f32>(ds + at, 0)
    }
    for (let at = end; at < width; at += 16) {
      v128.store(p + at, zero)
      v128.store(ds + at, zero)
    }
    p += SCORE_ROW
    ds += SCORE_ROW
  }
}

// What the steps of a tile of dq share: its rows of q, dy and dq, and addresses of row 0 of logSumExp and delta.
let rowsOfQ: usize, rowsOfDy: usize, sums: usize, logSumExpOfTile: usize, deltaOfTile: usize

/**
 * One tile of delta and dq; its list is that of ./attention. Scratch: of each row q, dy and the sums, padded, and both kinds of
 * scores; and, for head dimensions that are no multiple of 16, KEY_BLOCK padded rows of keys.
 */
export function attentionQueryGradientTile(args: usize, tile: i32): void {
  rowsOfQ = start(args)
  const entries = load<i32>(args, ENTRIES), list = <usize>load<i32>(args, LIST)
  const keyValueHead = tile / entries, entry = list + <usize>(tile % entries) * ENTRY_BYTES
  const firstQuery = load<i32>(entry), queries = load<i32>(entry, 4), rows = queries * group
  rowsOfDy = rowsOfQ + <usize>rows * paddedBytes
  sums = rowsOfDy + <usize>rows * paddedBytes
  block = sums + <usize>rows * paddedBytes
  gradients = block + <usize>rows * SCORE_ROW
  copies = gradients + <usize>rows * SCORE_ROW

  const rowOffset = <usize>firstQuery * queryStride + <usize>(keyValueHead * group) * headBytes
  const headOffset = <usize>(firstQuery * heads + keyValueHead * group) << 2
  logSumExpOfTile = <usize>load<i32>(args, LOG_SUM_EXP) + headOffset
  deltaOfTile = <usize>load<i32>(args, DELTA) + headOffset
  copyQueries(<usize>load<i32>(args, Q) + rowOffset, queries, rowsOfQ)
  copyQueries(<usize>load<i32>(args, DY) + rowOffset, queries, rowsOfDy)
  memory.fill(sums, 0, <usize>rows * paddedBytes)
  const y = <usize>load<i32>(args, Y) + rowOffset
  for (let row = 0; row < rows; row++) {
    const query = row / group, head = row % group
    const delta = dot(rowsOfDy + <usize>row * paddedBytes, y + <usize>query * queryStride + <usize>head * headBytes)
    store<f32>(deltaOfTile + (<usize>(query * heads + head) << 2), delta)
  }

  const k = <usize>load<i32>(args, K) + <usize>keyValueHead * headBytes
  const keyPanels = panelAt(<usize>load<i32>(args, KEY_PANELS), 0, keyValueHead)
  const valuePanels = panelAt(<usize>load<i32>(args, VALUE_PANELS), 0, keyValueHead)
  const prefix = <usize>load<i32>(entry, 12) * panelStride, prefixLength = load<i32>(entry, 16)
  const prefixKeys = k + <usize>load<i32>(entry, 8) * keyStride
  addKeys(0, rows, keyPanels + prefix, valuePanels + prefix, prefixKeys, prefixLength, prefixLength)
  const pieces = list + <usize>load<i32>(entry, 20), end = pieces + <usize>load<i32>(entry, 24) * PIECE_BYTES
  for (let piece = pieces; piece < end; piece += PIECE_BYTES) {
    const own = <usize>load<i32>(piece, 12) * panelStride, ownKeys = k + <usize>load<i32>(piece, 8) * keyStride
    const count = load<i32>(piece, 4), seen = load<i32>(piece, 16)
    addKeys(load<i32>(piece) * group, count * group, keyPanels + own, valuePanels + own, ownKeys, seen, seen + count - 1)
  }

  const scale = load<f32>(args, SCALE), dq = <usize>load<i32>(args, DQ) + rowOffset
  for (let row = 0; row < rows; row++) {
    const to = dq + <usize>(row / group) * queryStride + <usize>(row % group) * headBytes
    writeRow(sums + <usize>row * paddedBytes, scale, to)
  }
}

/** Works through `length` keys with some of the tile's rows, of which those of the first query see `seen`, each next query one more. */
function addKeys(firstRow: i32, rows: i32, keyPanels: usize, valuePanels: usize, keys: usize, seen: i32, length: i32): void {
  const padded = <usize>firstRow * paddedBytes, offset = <usize>firstRow * SCORE_ROW, query = <usize>(firstRow / group * heads) << 2
  const p = block + offset, ds = gradients + offset
  for (let first = 0; first < length; first += KEY_BLOCK) {
    const count = min(KEY_BLOCK, length - first)
    setVisible(count, seen - first, group)
    scores(rows, rowsOfQ + padded, paddedBytes, keyPanels, p)
    scores(rows, rowsOfDy + padded, paddedBytes, valuePanels, ds)
    probabilities(rows, group, p, ds, logSumExpOfTile + query, deltaOfTile + query)
    mix(rows, ds, wholeRows(keys, keyStride, count, copies), rowStride, sums + padded)
    keyPanels += <usize>(KEY_BLOCK >> 4) * panelStride
    valuePanels += <usize>(KEY_BLOCK >> 4) * panelStride
    keys += <usize>KEY_BLOCK * keyStride
  }
}

// A tile of dk and dv: up to GRADIENT_BLOCK keys of one key-value head. An entry of the list:
//   first key, keys, first panel of the keys, place of the visitors, visitors.
// A visitor is a run of queries that see some of the keys, its place in bytes from the start of the list:
//   first query, queries, keys (the first ones of the tile) of which they see some, how many of these the first query sees.
const KEY_ENTRY_BYTES = 20, VISITOR_BYTES = 16

/**
 * One tile of dk and dv, from delta. Scratch: both kinds of scores, each [QUERY_BLOCK][KEY_BLOCK], sums for dk and for dv, each
 * [GRADIENT_BLOCK] padded rows; and, for head dimensions that are no multiple of 16, QUERY_BLOCK padded rows of q or dy.
 */
export function attentionKeyGradientTile(args: usize, tile: i32): void {
  block = start(args)
  gradients = block + <usize>QUERY_BLOCK * SCORE_ROW
  const dkSums = gradients + <usize>QUERY_BLOCK * SCORE_ROW, dvSums = dkSums + <usize>GRADIENT_BLOCK * paddedBytes
  copies = dvSums + <usize>GRADIENT_BLOCK * paddedBytes
  memory.fill(dkSums, 0, <usize>(2 * GRADIENT_BLOCK) * paddedBytes)
  const entries = load<i32>(args, ENTRIES), list = <usize>load<i32>(args, LIST)
  const keyValueHead = tile / entries, entry = list + <usize>(tile % entries) * KEY_ENTRY_BYTES
  const firstKey = load<i32>(entry), keys = load<i32>(entry, 4), panel = load<i32>(entry, 8)
  const keyPanels = panelAt(<usize>load<i32>(args, KEY_PANELS), panel, keyValueHead)
  const valuePanels = panelAt(<usize>load<i32>(args, VALUE_PANELS), panel, keyValueHead)

  const visitors = list + <usize>load<i32>(entry, 12), end = visitors + <usize>load<i32>(entry, 16) * VISITOR_BYTES
  for (let visitor = visitors; visitor < end; visitor += VISITOR_BYTES) {
    const firstQuery = load<i32>(visitor), queryCount = load<i32>(visitor, 4), seenKeys = load<i32>(visitor, 8)
    for (let head = keyValueHead * group; head < (keyValueHead + 1) * group; head++) {
      for (let query = 0; query < queryCount; query += QUERY_BLOCK) {
        const rows = min(QUERY_BLOCK, queryCount - query), seen = load<i32>(visitor, 12) + query
        const rowOffset = <usize>(firstQuery + query) * queryStride + <usize>head * headBytes
        const headOffset = <usize>((firstQuery + query) * heads + head) << 2
        const q = <usize>load<i32>(args, Q) + rowOffset, dy = <usize>load<i32>(args, DY) + rowOffset
        setVisible(seenKeys, seen, 1)
        scores(rows, q, queryStride, keyPanels, block)
        scores(rows, dy, queryStride, valuePanels, gradients)
        const logSumExp = <usize>load<i32>(args, LOG_SUM_EXP) + headOffset, delta = <usize>load<i32>(args, DELTA) + headOffset
        probabilities(rows, 1, block, gradients, logSumExp, delta)
        mixQueries(rows, seenKeys, seen, block, wholeRows(dy, queryStride, rows, copies), dvSums)
        mixQueries(rows, seenKeys, seen, gradients, wholeRows(q, queryStride, rows, copies), dkSums)
      }
    }
  }
  const scale = load<f32>(args, SCALE), to = <usize>firstKey * keyStride + <usize>keyValueHead * headBytes
  const dk = <usize>load<i32>(args, DK) + to, dv = <usize>load<i32>(args, DV) + to
  for (let key = 0; key < keys; key++) {
    const from = <usize>key * paddedBytes, at = <usize>key * keyStride
    writeRow(dkSums + from, scale, dk + at)
    writeRow(dvSums + from, 1, dv + at)
  }
}

/** sums[key] += Σ weights[query][key] · matrix[query], queries ascending; a block of keys begins with the first one that sees one of them. */
function mixQueries(rows: i32, keys: i32, seen: i32, weights: usize, matrix: usize, keySums: usize): void {
  for (let key = 0, left = blockCount(keys); left > 0; left--) {
    const count = (keys - key + left - 1) / left, row = min(rows, max(0, key + 1 - seen))
    const a = weights + <usize>row * SCORE_ROW + (<usize>key << 2), b = matrix + <usize>row * rowStride
    const out = keySums + <usize>key * paddedBytes
    for (let column: usize = 0; column < paddedBytes; column += 64) {
      product(count, a, 4, SCORE_ROW, b + column, rowStride, rows - row, out + column, paddedBytes)
    }
    key += count
  }
}
