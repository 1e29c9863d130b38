/**
 * Draws a token from each row of logits, on the device; the rules are those of src/ops/sampleTokens.ts.
 *
 * Filters come down to one threshold, which is found without sorting: a few bits at a time, by how much lies above each candidate. The
 * cumulative distribution is computed of blocks, and then inside of one block only.
 */
import { GrpoError } from '../../errors.js'
import { countedLoop } from '../graph/loop.js'
import type { Node } from '../graph/node.js'
import * as hlo from '../graph/operations.js'
import { logProbsOf } from './tokenLogProbs.js'

/** How tokens are drawn; what is off is not in the program. */
export interface SamplingKinds {
  /** Take the likeliest token; the filters and the temperature mean nothing then. */
  readonly greedy: boolean
  readonly topK: boolean
  readonly topP: boolean
  readonly minP: boolean
  readonly repetitionPenalty: boolean
}

/** Scalars that a program takes, so that other values need no other program; their meaning is that of SamplingParameters. */
export interface SamplingScalars {
  readonly temperature: Node // f32, more than 0
  readonly topK: Node // i32
  readonly topP: Node // f32
  readonly minP: Node // f32
  readonly repetitionPenalty: Node // f32
}

/** What was drawn. */
export interface Sampled {
  readonly ids: Node // [B] i32
  /** Log p of each token under softmax(logits / temperature), in nats; NaN where a row's logits are. */
  readonly logProbs: Node // [B] f32
  readonly entropies: Node // [B] f32
}

/** Tokens of a block of the cumulative distribution. */
const BLOCK = 256

/** Draws one token for each row by inverting the cumulative distribution, in the order of the vocabulary, at the uniform number. */
export function sampleTokens(
  logits: Node, // [B, V] f32
  uniforms: Node, // [B] f32, each in [0, 1)
  seen: Node | null, // [B, V] i1, the tokens that each row has seen; for the repetition penalty
  kinds: SamplingKinds,
  scalars: SamplingScalars,
): Sampled {
  const scores = kinds.repetitionPenalty ? penalise(logits, seen, scalars.repetitionPenalty) : logits
  const peaks = hlo.largest(scores, [1])
  const ids = kinds.greedy ? firstEqual(scores, peaks) : draw(weightsOf(scores, peaks, kinds, scalars), uniforms)
  return { ids, ...logProbsOf(logits, ids, kinds.greedy ? null : scalars.temperature) }
}

/** Makes tokens that occurred less likely. */
function penalise(logits: Node, seen: Node | null, penalty: Node): Node {
  if (!seen) throw new GrpoError('sampling with a repetition penalty needs the tokens that each row has seen')
  const penalties = hlo.broadcast(penalty, logits.shape, [])
  const penalised = hlo.select(
    hlo.compare(logits, 'GT', 0),
    hlo.divide(logits, penalties),
    hlo.multiply(logits, penalties),
  )
  return hlo.select(seen, penalised, logits)
}

/** Number of the first token with the largest score. */
function firstEqual(scores: Node, peaks: Node): Node {
  const isPeak = hlo.compare(scores, 'EQ', hlo.repeatRows(peaks, scores.shape))
  const first = firstWhere(isPeak)
  return hlo.minimum(first, scores.shape[1]! - 1)
}

/** Number of the first column of each row where a condition holds, and that of columns where it does nowhere. */
function firstWhere(condition: Node /* [B, N] i1 */): Node /* [B] i32 */ {
  const columns = condition.shape[1]!
  const fromEnd = hlo.subtract(columns, hlo.iota(1, condition.shape))
  return hlo.subtract(columns, hlo.largest(hlo.select(condition, fromEnd, 0), [1]))
}

/** What each token weighs in the draw: e^((score − largest) / temperature), and 0 where a filter leaves it out. */
function weightsOf(
  scores: Node, // [B, V]
  peaks: Node, // [B]
  kinds: SamplingKinds,
  { temperature, topK, topP, minP }: SamplingScalars,
): Node {
  const { shape } = scores
  const [rows, vocabulary] = shape as [number, number]
  const ofRows = (scalar: Node): Node => hlo.broadcast(scalar, [rows], [])
  const keep = (weights: Node, threshold: Node): Node =>
    hlo.select(hlo.compare(scores, 'GE', hlo.repeatRows(threshold, shape)), weights, 0)

  const distances = hlo.subtract(scores, hlo.repeatRows(peaks, shape))
  let weights = hlo.exponential(hlo.divide(distances, hlo.broadcast(temperature, shape, [])))
  if (kinds.topK) {
    const count = hlo.select(hlo.compare(topK, 'GT', 0), topK, vocabulary)
    weights = keep(weights, thresholdOf(scores, hlo.constant(1, 'i32', shape), ofRows(count), peaks))
  }
  const thresholds: Node[] = []
  if (kinds.topP) {
    const mass = hlo.multiply(hlo.sum(weights, [1]), ofRows(topP))
    const threshold = thresholdOf(scores, weights, mass, peaks)
    thresholds.push(hlo.select(ofRows(hlo.compare(topP, 'LT', 1)), threshold, -Infinity))
  }
  if (kinds.minP) {
    const distance = hlo.multiply(temperature, hlo.log(minP))
    thresholds.push(hlo.add(peaks, ofRows(distance)))
  }
  return thresholds.reduce(keep, weights)
}

/** The order of f32 is that of these bits as i32, of their own inverse where they are negative. */
function orderOfBits(bits: Node /* i32 */): Node {
  return hlo.select(hlo.compare(bits, 'LT', 0), hlo.xor(bits, 0x7fffffff), bits)
}

/** Place of −infinity in the order; what is below is NaN. */
const LOWEST_ORDER = 0x807fffff | 0

/** Bits of a threshold that one pass over the scores finds; GPUs weigh all candidates of a pass in one kernel. */
const PASS_BITS = 2

/** For each row the largest score, up to `peaks`, such that the scores from it upwards weigh at least `target`. */
function thresholdOf(
  scores: Node, // [B, V]
  weights: Node, // [B, V] f32 or i32
  target: Node, // [B] of the type of the weights
  peaks: Node, // [B]
): Node /* [B] */ {
  const highest = orderOfBits(hlo.bitcast(peaks, 'i32'))
  const toFloat = (order: Node): Node => hlo.bitcast(orderOfBits(hlo.maximum(order, LOWEST_ORDER)), 'f32')
  const ofRows = (scalar: Node): Node => hlo.broadcast(scalar, peaks.shape, [])
  const [order] = countedLoop(32 / PASS_BITS, [hlo.constant(-(2 ** 31), 'i32', peaks.shape)], (pass, [known]) => {
    // From the highest bits to the lowest: they grow as long as enough lies above.
    const shift = hlo.subtract(32 - PASS_BITS, hlo.multiply(pass, PASS_BITS))
    const isEnough = (candidate: Node): Node => {
      const isAbove = hlo.compare(scores, 'GE', hlo.repeatRows(toFloat(candidate), scores.shape))
      const weight = hlo.sum(hlo.select(isAbove, weights, 0), [1])
      return hlo.and(hlo.compare(weight, 'GE', target), hlo.compare(candidate, 'LE', highest))
    }
    const candidates = Array.from({ length: 2 ** PASS_BITS - 1 }, (_, i) =>
      hlo.add(known!, ofRows(hlo.shiftLeft(i + 1, shift))),
    )
    const steps = candidates.map((candidate) => hlo.convert(isEnough(candidate), 'i32')).reduce((a, b) => hlo.add(a, b))
    return [hlo.add(known!, hlo.shiftLeft(steps, ofRows(shift)))]
  })
  return toFloat(order!)
}

/** The token of each row at which the cumulative weight passes `uniforms` of the total. */
function draw(
  weights: Node, // [B, V]
  uniforms: Node, // [B]
): Node /* [B] i32 */ {
  const [rows, vocabulary] = weights.shape as [number, number]
  const blocks = Math.ceil(vocabulary / BLOCK)
  const padded = hlo.pad(weights, [0, 0], [0, blocks * BLOCK - vocabulary])
  const blockSums = hlo.sum(hlo.reshape(padded, [rows, blocks, BLOCK]), [2])
  const cumulated = cumulate(blockSums)
  const total = hlo.reshape(hlo.sliceAlong(cumulated, 1, blocks - 1, blocks), [rows])
  const wanted = hlo.multiply(uniforms, total)
  const block = firstBeyond(blockSums, cumulated, wanted)

  const isBefore = hlo.compare(
    hlo.iota(1, cumulated.shape),
    'EQ',
    hlo.repeatRows(hlo.subtract(block, 1), cumulated.shape),
  )
  const before = hlo.sum(hlo.select(isBefore, cumulated, 0), [1])
  const places = hlo.add(hlo.multiply(hlo.iota(0, [rows]), blocks), block)
  const within = hlo.takeRows(hlo.reshape(padded, [rows * blocks, BLOCK]), places)
  const token = firstBeyond(within, cumulate(within), hlo.subtract(wanted, before))
  return hlo.add(hlo.multiply(block, BLOCK), token)
}

/** Sums from the first column up to each, by a product with a triangle of ones. */
function cumulate(x: Node /* [B, N] */): Node /* [B, N] */ {
  const square = [x.shape[1]!, x.shape[1]!]
  const triangle = hlo.convert(hlo.compare(hlo.iota(0, square), 'LE', hlo.iota(1, square)), 'f32')
  return hlo.dot(x, triangle, { contract: [[1], [0]] })
}

/**
 * The first column of each row that weighs something and up to which the sum is larger than `wanted`; the last one that weighs
 * something where rounding used the distribution up.
 */
function firstBeyond(
  weights: Node, // [B, N]
  cumulated: Node, // [B, N]
  wanted: Node, // [B]
): Node /* [B] i32 */ {
  const { shape } = weights
  const weighs = hlo.compare(weights, 'GT', 0)
  const first = firstWhere(hlo.and(weighs, hlo.compare(cumulated, 'GT', hlo.repeatRows(wanted, shape))))
  const last = hlo.largest(hlo.select(weighs, hlo.iota(1, shape), 0), [1])
  return hlo.select(hlo.compare(first, 'LT', shape[1]!), first, last)
}
