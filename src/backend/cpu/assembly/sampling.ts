/**
 * Draws one token from each row of logits; the rules are those of src/ops/sampleTokens.ts. A tile is one row.
 *
 * Filters (top-k, top-p, min-p) come down to one threshold: tokens with a smaller score are not drawn. It is found without
 * sorting, by a histogram over the leading bits of the scores, then one over the next bits of the scores in the bin that
 * matters, and so on: three passes whatever the distribution.
 */
import { exp4 } from './exp'
import { addBlock, BLOCK_COLUMNS, entropyOf, logProbability, maxOf, rowMax, ROW_STATE_BYTES, startRow, storeStatistics } from './logSoftmax'
import { threadIndex } from './scheduler'
import { sumLanes } from './simd'

// Arguments, 32-bit words. HISTORY holds the tokens of all rows, HISTORY_ENDS where each row's end; TOP_K 0 keeps all tokens.
const LOGITS = 0, COLUMNS = 4, IDS = 8, LOG_PROBS = 12, TEMPERATURE = 16, TOP_K = 20
const HISTORY = 24, HISTORY_ENDS = 28, DOUBLES = 32, SCRATCH = 36, SCRATCH_BYTES = 40, ENTROPIES = 44
/** As those of logSoftmax: the largest logit and log Σ e^d of each row. */
const STATISTICS = 48

/** At DOUBLES, in double precision: the repetition penalty, top-p, temperature · ln(min-p), the uniform number of each row. */
const PENALTY = 0, TOP_P = 8, MIN_P_DISTANCE = 16, UNIFORMS = 24

/** Bins of a histogram: 11 bits of a score. */
export const BINS = 2048

// A thread's scratch: state of a row, a histogram, unnormalised probabilities and scores of a row.
const HISTOGRAM_AT: usize = 64
const ROW_AT: usize = HISTOGRAM_AT + BINS * 8

/** A number whose unsigned order is the order of the floats. */
// @ts-ignore: decorator
@inline
function orderedBits(x: f32): u32 {
  const bits = reinterpret<u32>(x)
  return bits & 0x80000000 ? ~bits : bits | 0x80000000
}

// @ts-ignore: decorator
@inline
function fromOrderedBits(ordered: u32): f32 {
  return reinterpret<f32>(ordered & 0x80000000 ? ordered & 0x7fffffff : ~ordered)
}

/** Copies a row and penalises the tokens of its history (each once, whatever the number of times that it occurs). */
function penalise(args: usize, row: i32, penalty: f64, logits: usize, columns: i32, scores: usize): void {
  memory.copy(scores, logits, <usize>columns << 2)
  const history = <usize>load<i32>(args, HISTORY), ends = <usize>load<i32>(args, HISTORY_ENDS) + (<usize>row << 2)
  const end = load<i32>(ends)
  for (let i = row == 0 ? 0 : load<i32>(ends - 4); i < end; i++) {
    const offset = <usize>load<i32>(history + (<usize>i << 2)) << 2
    const score = <f64>load<f32>(logits + offset)
    store<f32>(scores + offset, <f32>(score > 0 ? score / penalty : score * penalty))
  }
}

/** Number of the first token with this score. */
function indexOf(scores: usize, columns: i32, score: f32): i32 {
  const wanted = f32x4.splat(score)
  let i = 0
  for (; i + 4 <= columns; i += 4) {
    if (v128.any_true(f32x4.eq(v128.load(scores + (<usize>i << 2)), wanted))) break
  }
  for (; i < columns; i++) if (load<f32>(scores + (<usize>i << 2)) == score) return i
  return 0
}

/** Writes e^((score − max) / temperature) for each score, and 0 for those below the threshold. */
function probabilities(scores: usize, columns: i32, max: f32, temperature: f32, threshold: f32, to: usize): void {
  const maximum = f32x4.splat(max), divisor = f32x4.splat(temperature), least = f32x4.splat(threshold)
  let at: usize = 0
  const end = <usize>columns << 2
  for (; at + 32 <= end; at += 32) {
    const s0 = v128.load(scores + at), s1 = v128.load(scores + at, 16)
    const p0 = v128.and(exp4(f32x4.div(f32x4.sub(s0, maximum), divisor)), f32x4.ge(s0, least))
    const p1 = v128.and(exp4(f32x4.div(f32x4.sub(s1, maximum), divisor)), f32x4.ge(s1, least))
    v128.store(to + at, p0)
    v128.store(to + at, p1, 16)
  }
  for (; at < end; at += 4) {
    const s = v128.load_splat<f32>(scores + at)
    v128.store_lane<f32>(to + at, v128.and(exp4(f32x4.div(f32x4.sub(s, maximum), divisor)), f32x4.ge(s, least)), 0)
  }
}

/** Removes the probabilities of scores below the threshold. */
function removeBelow(scores: usize, columns: i32, threshold: f32, p: usize): void {
  const least = f32x4.splat(threshold)
  let at: usize = 0
  const end = <usize>columns << 2
  for (; at + 16 <= end; at += 16) v128.store(p + at, v128.and(v128.load(p + at), f32x4.ge(v128.load(scores + at), least)))
  for (; at < end; at += 4) if (load<f32>(scores + at) < threshold) store<f32>(p + at, 0)
}

/** Sum of some probabilities, in double precision. */
function sumOf(p: usize, count: i32): f64 {
  let sums = f64x2.splat(0)
  let at = p
  const end = p + (<usize>count << 2)
  for (; at + 16 <= end; at += 16) {
    const x = v128.load(at)
    sums = f64x2.add(sums, f64x2.add(f64x2.promote_low_f32x4(x), f64x2.promote_low_f32x4(v128.shuffle<i64>(x, x, 1, 0))))
  }
  let sum = f64x2.extract_lane(sums, 0) + f64x2.extract_lane(sums, 1)
  for (; at < end; at += 4) sum += <f64>load<f32>(at)
  return sum
}

/**
 * The largest score such that the scores from it upwards weigh at least `target`. Each weighs as much as its entry in `masses`;
 * without masses each weighs 1. Scores whose mass is 0 do not count.
 */
function thresholdOf(scores: usize, masses: usize, columns: i32, target: f64, histogram: usize): f32 {
  let prefix: u32 = 0
  for (let level = 0; level < 3; level++) {
    // 11 bits, 11 bits and the last 10.
    const shift: u32 = level == 0 ? 21 : level == 1 ? 10 : 0, bits: u32 = level == 2 ? 10 : 11
    memory.fill(histogram, 0, BINS * 8)
    // Below the first level nearly all scores lie outside the bin that is looked into: four are skipped at a time.
    const inner = shift + bits, lowest = prefix << inner
    const lows = f32x4.splat(fromOrderedBits(lowest)), highs = f32x4.splat(fromOrderedBits(lowest | (1 << inner) - 1))
    for (let i: usize = 0, end = <usize>columns << 2; i < end; i += 4) {
      if (level > 0 && (i & 15) == 0) {
        for (; i + 16 <= end; i += 16) {
          const s = v128.load(scores + i)
          if (v128.any_true(v128.and(f32x4.ge(s, lows), f32x4.le(s, highs)))) break
        }
        if (i == end) break
      }
      const ordered = orderedBits(load<f32>(scores + i))
      if (level > 0 && ordered >> inner != prefix) continue
      const bin = histogram + (<usize>(ordered >> shift & (1 << bits) - 1) << 3)
      store<f64>(bin, load<f64>(bin) + (masses ? <f64>load<f32>(masses + i) : 1))
    }
    let bin = -1, reached = false
    for (let j = (1 << bits) - 1; j >= 0 && !reached; j--) {
      const mass = load<f64>(histogram + (<usize>j << 3))
      if (mass == 0) continue
      bin = j
      if (mass >= target) reached = true
      else target -= mass
    }
    if (bin < 0) return -Infinity
    // Where rounding keeps the sum just below the target, everything in the last bin counts.
    if (!reached) target = Infinity
    prefix = prefix << bits | <u32>bin
  }
  return fromOrderedBits(prefix)
}

/** The token at which the cumulative probability passes `uniform` of the total. */
function draw(p: usize, columns: i32, uniform: f64, blockSums: usize): i32 {
  let total: f64 = 0
  for (let i = 0, at = blockSums; i < columns; i += BLOCK_COLUMNS, at += 8) {
    const sum = sumOf(p + (<usize>i << 2), min(BLOCK_COLUMNS, columns - i))
    store<f64>(at, sum)
    total += sum
  }
  let left = uniform * total
  for (let i = 0, at = blockSums; i < columns; i += BLOCK_COLUMNS, at += 8) {
    const sum = load<f64>(at)
    if (left >= sum && i + BLOCK_COLUMNS < columns) {
      left -= sum
      continue
    }
    for (let j = i, end = min(i + BLOCK_COLUMNS, columns); j < end; j++) {
      left -= <f64>load<f32>(p + (<usize>j << 2))
      if (left < 0) return j
    }
  }
  // Rounding used up the distribution: the last token that can be drawn.
  for (let j = columns - 1; j > 0; j--) if (load<f32>(p + (<usize>j << 2)) > 0) return j
  return 0
}

/** Draws from the tokens that the filters keep. */
function sampleRow(
  args: usize, scores: usize, columns: i32, largest: f32, temperature: f32,
  p: usize, histogram: usize, blockSums: usize, uniform: f64,
): i32 {
  const topK = load<i32>(args, TOP_K), doubles = <usize>load<i32>(args, DOUBLES)
  const topP = load<f64>(doubles, TOP_P), minPDistance = load<f64>(doubles, MIN_P_DISTANCE)
  const kept: f32 = topK > 0 ? thresholdOf(scores, 0, columns, <f64>topK, histogram) : -Infinity
  probabilities(scores, columns, largest, temperature, kept, p)
  let threshold = <f32>(<f64>largest + minPDistance)
  if (topP < 1) threshold = max(threshold, thresholdOf(scores, p, columns, topP * sumOf(p, columns), histogram))
  if (threshold > kept) removeBelow(scores, columns, threshold, p)
  return draw(p, columns, uniform, blockSums)
}

export function sampleTokensTile(args: usize, row: i32): void {
  const columns = load<i32>(args, COLUMNS), bytes = <usize>columns << 2, doubles = <usize>load<i32>(args, DOUBLES)
  const logits = <usize>load<i32>(args, LOGITS) + <usize>row * bytes
  const state = <usize>load<i32>(args, SCRATCH) + <usize>threadIndex() * <usize>load<i32>(args, SCRATCH_BYTES)
  const histogram = state + HISTOGRAM_AT, p = state + ROW_AT, rowBytes = bytes + 15 & ~15
  const blockSums = p + rowBytes, copy = blockSums + ((<usize>columns / BLOCK_COLUMNS << 3) + 16)
  const greedy = load<f32>(args, TEMPERATURE) == 0, temperature: f32 = greedy ? 1 : load<f32>(args, TEMPERATURE)

  startRow(state)
  for (let i = 0; i < columns; i += BLOCK_COLUMNS) {
    addBlock(state, logits + (<usize>i << 2), min(BLOCK_COLUMNS, columns - i), temperature)
  }
  let scores = logits, max = rowMax(state)
  const penalty = load<f64>(doubles, PENALTY)
  if (penalty != 1) {
    scores = copy
    penalise(args, row, penalty, logits, columns, scores)
    max = maxOf(scores, columns, -f32.MAX_VALUE)
  }
  const uniform = load<f64>(doubles + (<usize>row << 3), UNIFORMS)
  const token = greedy
    ? indexOf(scores, columns, max)
    : sampleRow(args, scores, columns, max, temperature, p, histogram, blockSums, uniform)
  store<i32>(<usize>load<i32>(args, IDS) + (<usize>row << 2), token)
  const logProb = logProbability(state, load<f32>(logits + (<usize>token << 2)), temperature)
  store<f32>(<usize>load<i32>(args, LOG_PROBS) + (<usize>row << 2), logProb)
  store<f32>(<usize>load<i32>(args, ENTROPIES) + (<usize>row << 2), entropyOf(state))
  storeStatistics(state, <usize>load<i32>(args, STATISTICS) + (<usize>row << 3))
}
