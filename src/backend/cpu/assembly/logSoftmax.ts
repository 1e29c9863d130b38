/**
 * Log-softmax of rows of logits, read in blocks of columns: the log-probability of one token, the entropy, and the gradient
 * of both; the formulas are in src/ops/tokenLogProbs.ts.
 *
 * Sampling and training call the same functions on the same blocks, so equal logits give equal bits. A row is summed block by
 * block, left to right, whatever the rows beside it.
 */
import { exp1, exp4 } from './exp'
import { log1 } from './log'
import { maxLane, sumLanes } from './simd'

/** Columns of a block; the number of `BLOCK_COLUMNS` in ../kernels/tokenLogProbs.ts. */
export const BLOCK_COLUMNS = 2048

/**
 * What is known of a row after some blocks, with d = (logit − MAX) / temperature:
 * the largest logit, the target's logit (float32), Σ e^d and Σ e^d · d (float64).
 */
const MAX = 0, TARGET = 4, SUM = 8, WEIGHTED = 16
export const ROW_STATE_BYTES: usize = 24

/** Below this e^d is 0. A limit for d, so that a logit of −infinity does not make e^d · d NaN. */
const LOWEST: f32 = -100

// Arguments, 32-bit words. Logits and their gradient share a buffer [ROWS][COLUMNS]; COLUMN is the first column's number.
const LOGITS = 0, ROWS = 4, COLUMNS = 8, COLUMN = 12, TARGETS = 16, TEMPERATURE = 20, TILE_ROWS = 24
/** Forward pass: state of each row, whether this is the last block, and results. */
const STATES = 28, LAST = 32, LOG_PROBS = 36, ENTROPIES = 40, STATISTICS = 44
/** Gradient, which also reads ENTROPIES and STATISTICS, and computes LOG_PROBS again unless that is 0. */
const D_LOG_PROBS = 48, D_ENTROPIES = 52

// @ts-ignore: decorator
@inline
export function rowMax(state: usize): f32 {
  return load<f32>(state, MAX)
}

export function startRow(state: usize): void {
  store<f32>(state, -f32.MAX_VALUE, MAX)
  store<f64>(state, 0, SUM)
  store<f64>(state, 0, WEIGHTED)
}

/** Largest of some logits, or `least` when that is larger. */
export function maxOf(logits: usize, count: i32, least: f32): f32 {
  let m0 = f32x4.splat(least), m1 = m0
  let at = logits
  const end = logits + (<usize>count << 2)
  for (; at + 32 <= end; at += 32) {
    m0 = f32x4.pmax(m0, v128.load(at))
    m1 = f32x4.pmax(m1, v128.load(at, 16))
  }
  m0 = f32x4.pmax(m0, m1)
  for (; at < end; at += 4) m0 = f32x4.pmax(m0, v128.load_splat<f32>(at))
  return maxLane(m0)
}

/** Takes the next block of at most BLOCK_COLUMNS logits into a row's state. */
export function addBlock(state: usize, logits: usize, count: i32, temperature: f32): void {
  const before = load<f32>(state, MAX), max = maxOf(logits, count, before)
  let sum = load<f64>(state, SUM), weighted = load<f64>(state, WEIGHTED)
  if (max > before) {
    // The sums so far are relative to the old maximum.
    const shift = (before - max) / temperature, factor = <f64>exp1(shift)
    if (factor > 0) weighted = factor * (weighted + <f64>shift * sum)
    else weighted = 0
    sum *= factor
    store<f32>(state, max, MAX)
  }
  const maximum = f32x4.splat(max), divisor = f32x4.splat(temperature), lowest = f32x4.splat(LOWEST)
  let s0 = f32x4.splat(0), s1 = s0, w0 = s0, w1 = s0
  let at = logits
  const end = logits + (<usize>count << 2)
  for (; at + 32 <= end; at += 32) {
    const d0 = f32x4.pmax(f32x4.div(f32x4.sub(v128.load(at), maximum), divisor), lowest)
    const d1 = f32x4.pmax(f32x4.div(f32x4.sub(v128.load(at, 16), maximum), divisor), lowest)
    const e0 = exp4(d0), e1 = exp4(d1)
    s0 = f32x4.add(s0, e0)
    s1 = f32x4.add(s1, e1)
    w0 = f32x4.add(w0, f32x4.mul(e0, d0))
    w1 = f32x4.add(w1, f32x4.mul(e1, d1))
  }
  sum += sumLanes(f32x4.add(s0, s1))
  weighted += sumLanes(f32x4.add(w0, w1))
  for (; at < end; at += 4) {
    const distance = (load<f32>(at) - max) / temperature, d = distance < LOWEST ? LOWEST : distance
    const e = <f64>exp1(d)
    sum += e
    weighted += e * <f64>d
  }
  store<f64>(state, sum, SUM)
  store<f64>(state, weighted, WEIGHTED)
}

/** log p of a token with this logit, in nats, once all blocks are in. */
export function logProbability(state: usize, logit: f32, temperature: f32): f32 {
  const d = (<f64>logit - <f64>load<f32>(state, MAX)) / <f64>temperature
  return <f32>(d - <f64>log1(<f32>load<f64>(state, SUM)))
}

/** Entropy of the row's distribution, in nats, once all blocks are in. */
export function entropyOf(state: usize): f32 {
  const sum = load<f64>(state, SUM)
  return <f32>(<f64>log1(<f32>sum) - load<f64>(state, WEIGHTED) / sum)
}

/** What the gradient needs of a row: its largest logit and log Σ e^d. */
export function storeStatistics(state: usize, to: usize): void {
  store<f32>(to, load<f32>(state, MAX))
  store<f32>(to, log1(<f32>load<f64>(state, SUM)), 4)
}

/** Takes the next block of a row, whose number counts from the first one of the arguments, into its state. */
// @ts-ignore: decorator
@inline
function takeBlock(args: usize, row: i32, state: usize, logits: usize): void {
  const columns = load<i32>(args, COLUMNS), column = load<i32>(args, COLUMN)
  if (column == 0) startRow(state)
  addBlock(state, logits, columns, load<f32>(args, TEMPERATURE))
  const target = load<i32>(<usize>load<i32>(args, TARGETS) + (<usize>row << 2)) - column
  if (target >= 0 && target < columns) store<f32>(state, load<f32>(logits + (<usize>target << 2)), TARGET)
}

/** One tile of the forward pass over one block of columns. */
export function logSoftmaxTile(args: usize, tile: i32): void {
  const columns = load<i32>(args, COLUMNS), temperature = load<f32>(args, TEMPERATURE)
  const first = tile * load<i32>(args, TILE_ROWS), end = min(load<i32>(args, ROWS), first + load<i32>(args, TILE_ROWS))
  const statistics = <usize>load<i32>(args, STATISTICS)
  const logProbs = <usize>load<i32>(args, LOG_PROBS), entropies = <usize>load<i32>(args, ENTROPIES)
  for (let row = first; row < end; row++) {
    const state = <usize>load<i32>(args, STATES) + <usize>row * ROW_STATE_BYTES
    takeBlock(args, row, state, <usize>load<i32>(args, LOGITS) + (<usize>row * columns << 2))
    if (!load<i32>(args, LAST)) continue
    const at = <usize>row << 2
    store<f32>(logProbs + at, logProbability(state, load<f32>(state, TARGET), temperature))
    store<f32>(entropies + at, entropyOf(state))
    storeStatistics(state, statistics + 2 * at)
  }
}

/**
 * One tile of the gradient over one block of columns: the logits are overwritten by their gradient,
 * (dl · (1[j = t] − p_j) − dH · p_j · (log p_j + H)) / temperature.
 */
export function logSoftmaxGradientTile(args: usize, tile: i32): void {
  const columns = load<i32>(args, COLUMNS), column = load<i32>(args, COLUMN), temperature = load<f32>(args, TEMPERATURE)
  const first = tile * load<i32>(args, TILE_ROWS), end = min(load<i32>(args, ROWS), first + load<i32>(args, TILE_ROWS))
  const targets = <usize>load<i32>(args, TARGETS), statistics = <usize>load<i32>(args, STATISTICS)
  const logProbs = <usize>load<i32>(args, LOG_PROBS)
  const divisor = f32x4.splat(temperature), lowest = f32x4.splat(LOWEST)
  for (let row = first; row < end; row++) {
    const rowAt = <usize>row << 2
    const logits = <usize>load<i32>(args, LOGITS) + rowAt * columns, logitsEnd = logits + (<usize>columns << 2)
    const maximum = f32x4.splat(load<f32>(statistics + 2 * rowAt)), logSum = f32x4.splat(load<f32>(statistics + 2 * rowAt, 4))
    const entropy = f32x4.splat(load<f32>(<usize>load<i32>(args, ENTROPIES) + rowAt))
    const dLogProb = load<f32>(<usize>load<i32>(args, D_LOG_PROBS) + rowAt) / temperature
    const dEntropy = load<f32>(<usize>load<i32>(args, D_ENTROPIES) + rowAt) / temperature
    const dl = f32x4.splat(dLogProb), dh = f32x4.splat(dEntropy)
    if (logProbs) {
      const state = <usize>load<i32>(args, STATES) + <usize>row * ROW_STATE_BYTES
      takeBlock(args, row, state, logits)
      if (load<i32>(args, LAST)) store<f32>(logProbs + rowAt, logProbability(state, load<f32>(state, TARGET), temperature))
    }
    let at = logits
    for (; at + 32 <= logitsEnd; at += 32) {
      const d0 = f32x4.pmax(f32x4.div(f32x4.sub(v128.load(at), maximum), divisor), lowest)
      const d1 = f32x4.pmax(f32x4.div(f32x4.sub(v128.load(at, 16), maximum), divisor), lowest)
      const logP0 = f32x4.sub(d0, logSum), logP1 = f32x4.sub(d1, logSum)
      const dz0 = f32x4.neg(f32x4.mul(exp4(logP0), f32x4.add(dl, f32x4.mul(dh, f32x4.add(logP0, entropy)))))
      const dz1 = f32x4.neg(f32x4.mul(exp4(logP1), f32x4.add(dl, f32x4.mul(dh, f32x4.add(logP1, entropy)))))
      v128.store(at, dz0)
      v128.store(at, dz1, 16)
    }
    for (; at < logitsEnd; at += 4) {
      const d = f32x4.pmax(f32x4.div(f32x4.sub(v128.load_splat<f32>(at), maximum), divisor), lowest)
      const logP = f32x4.sub(d, logSum)
      const dz = f32x4.neg(f32x4.mul(exp4(logP), f32x4.add(dl, f32x4.mul(dh, f32x4.add(logP, entropy)))))
      v128.store_lane<f32>(at, dz, 0)
    }
    const target = load<i32>(targets + rowAt) - column
    if (target >= 0 && target < columns) {
      const targetAt = logits + (<usize>target << 2)
      store<f32>(targetAt, load<f32>(targetAt) + dLogProb)
    }
  }
}
