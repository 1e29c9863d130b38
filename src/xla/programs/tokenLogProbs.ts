import { ShapeError } from '../../errors.js'
import { countedLoop } from '../graph/loop.js'
import type { Node } from '../graph/node.js'
import * as hlo from '../graph/operations.js'
import { printType } from '../types.js'
import { timesMatrix, timesTransposed } from './quantizedProducts.js'
import type { Multiply } from './quantizedProducts.js'
import { isQuantizedArrays } from './weightArrays.js'
import type { WeightArrays } from './weightArrays.js'

/** Log p of each row's target and entropy of its distribution, in nats. */
export interface TokenLogProbs {
  readonly logProbs: Node // [n] f32
  readonly entropies: Node // [n] f32
}

/** What rows of hidden states predict, and how many rows of logits exist at a time. */
export interface TokenLogProbsInputs {
  readonly hidden: Node // [n, D] f32
  readonly head: WeightArrays<Node> // [V, D]
  readonly targets: Node // [n] i32
  /** Divides the logits. */
  readonly temperature: Node // [] f32
  /** Divides n. */
  readonly chunkRows: number
  /** How the program multiplies, f32 as the result: what it converts hidden states, head and gradients to. */
  readonly multiply: Multiply
}

/** e^d · d is 0 below this, as e^d is: a limit for d, so that a logit of −infinity does not make it NaN. */
const LOWEST = -100

/** Softmax(logits / temperature) of rows, as what its log-probabilities are computed of. */
interface Distributions {
  /** The largest logit. */
  readonly peaks: Node // [n]
  /** Log Σ e^((logit − the largest) / temperature). */
  readonly logSums: Node // [n]
  readonly probabilities: Node // [n, V]
  /** The logarithm of the probabilities, but not far below those that are 0. */
  readonly finiteLogs: Node // [n, V]
  readonly entropies: Node // [n]
}

/**
 * Log-probabilities and entropies of softmax(logits / temperature). Tokens with a logit of −infinity have the log-probability
 * −infinity and do not count in the entropy; a row with a logit that is NaN gets NaN. n · V is less than 2³¹.
 */
export function logProbsOf(
  logits: Node, // [n, V] f32
  targets: Node, // [n] i32
  temperature: Node | null = null, // [] f32; null is 1
): TokenLogProbs {
  const { peaks, logSums, entropies } = distributionsOf(logits, temperature)
  const [rows, vocabulary] = logits.shape as [number, number]
  const places = hlo.add(hlo.multiply(hlo.iota(0, [rows]), vocabulary), targets)
  const ofTargets = hlo.takeRows(hlo.reshape(logits, [rows * vocabulary]), places)
  return { logProbs: hlo.subtract(distancesOf(ofTargets, peaks, temperature), logSums), entropies }
}

/** (logits − the largest of the row) / temperature. */
function distancesOf(logits: Node /* [n, …] */, peaks: Node /* [n] */, temperature: Node | null): Node {
  const { shape } = logits
  const distances = hlo.subtract(logits, hlo.repeatRows(peaks, shape))
  return temperature ? hlo.divide(distances, hlo.broadcast(temperature, shape, [])) : distances
}

function distributionsOf(logits: Node, temperature: Node | null): Distributions {
  const { shape } = logits
  const peaks = hlo.largest(logits, [1])
  const finite = hlo.maximum(distancesOf(logits, peaks, temperature), LOWEST)
  const powers = hlo.exponential(finite)
  const sums = hlo.sum(powers, [1])
  const logSums = hlo.log(sums)
  const weighted = hlo.sum(hlo.multiply(powers, finite), [1])
  return {
    peaks,
    logSums,
    probabilities: hlo.divide(powers, hlo.repeatRows(sums, shape)),
    finiteLogs: hlo.subtract(finite, hlo.repeatRows(logSums, shape)),
    entropies: hlo.subtract(logSums, hlo.divide(weighted, sums)),
  }
}

/**
 * Log p of targets and entropies under softmax(hidden · headᵀ / temperature). Only `chunkRows` rows of logits exist at a time.
 * @throws ShapeError when n is not a multiple of `chunkRows`
 */
export function tokenLogProbs(inputs: TokenLogProbsInputs): TokenLogProbs {
  const { hidden, targets, temperature } = inputs
  const rows = chunksOf(inputs)
  const zeros = hlo.constant(0, 'f32', rows(targets).shape)
  const [logProbs, entropies] = countedLoop(
    zeros.shape[0]!,
    [zeros, zeros],
    (chunk, [logProbsSoFar, entropiesSoFar]) => {
      const logits = logitsOf(inputs, hlo.entryOf(rows(hidden), chunk))
      const computed = logProbsOf(logits, hlo.entryOf(rows(targets), chunk), temperature)
      return [
        hlo.withEntry(logProbsSoFar!, computed.logProbs, chunk),
        hlo.withEntry(entropiesSoFar!, computed.entropies, chunk),
      ]
    },
  ) as [Node, Node]
  return { logProbs: hlo.reshape(logProbs, targets.shape), entropies: hlo.reshape(entropies, targets.shape) }
}

/**
 * Gradients of Σ dLogProbs · logProbs + dEntropies · entropies of {@link tokenLogProbs}, which computes the logits of each chunk
 * again. For dl, dH the gradients of the two results of a row and z = logits / temperature:
 * dz_j = dl · (1[j = target] − p_j) − dH · p_j · (log p_j + H),  d hidden = dz · head / temperature,  d head = dzᵀ · hidden /
 * temperature.
 */
export function tokenLogProbsGradient(
  inputs: TokenLogProbsInputs,
  dLogProbs: Node, // [n] f32
  dEntropies: Node, // [n] f32
  /** Whether the head is trained. */
  withHead: boolean,
): { dHidden: Node /* [n, D] f32 */; dHead: Node | null /* [V, D] f32 */ } {
  const { hidden, head, targets, temperature, multiply } = inputs
  const rows = chunksOf(inputs)
  const chunked = rows(hidden).shape
  if (withHead && isQuantizedArrays(head)) throw new ShapeError('tokenLogProbs: a quantised head has no gradient')
  const trained = withHead && !isQuantizedArrays(head) ? [head.shape] : []
  const start = [chunked, ...trained].map((shape) => hlo.constant(0, 'f32', shape))
  const [dHidden, dHead] = countedLoop(chunked[0]!, start, (chunk, [dHiddenSoFar, dHeadSoFar]) => {
    const part = (x: Node): Node => hlo.entryOf(rows(x), chunk)
    const states = part(hidden)
    const logits = logitsOf(inputs, states)
    const dScaled = distributionGradient(logits, part(targets), temperature, part(dLogProbs), part(dEntropies))
    const dLogits = hlo.divide(dScaled, hlo.broadcast(temperature, logits.shape, []))
    const dStates = timesMatrix(dLogits, head, multiply)
    const next = [hlo.withEntry(dHiddenSoFar!, dStates, chunk)]
    if (dHeadSoFar) next.push(hlo.add(dHeadSoFar, multiply(dLogits, states, { contract: [[0], [0]] })))
    return next
  }) as [Node, Node?]
  return { dHidden: hlo.reshape(dHidden, hidden.shape), dHead: dHead ?? null }
}

/** The gradient of both results with respect to logits / temperature. */
function distributionGradient(
  logits: Node, // [n, V]
  targets: Node, // [n]
  temperature: Node,
  dLogProbs: Node, // [n]
  dEntropies: Node, // [n]
): Node {
  const { shape } = logits
  const { probabilities, finiteLogs, entropies } = distributionsOf(logits, temperature)
  const isTarget = hlo.compare(hlo.iota(1, shape), 'EQ', hlo.repeatRows(targets, shape))
  const ofLogProbs = hlo.multiply(
    hlo.repeatRows(dLogProbs, shape),
    hlo.subtract(hlo.convert(isTarget, 'f32'), probabilities),
  )
  const surprise = hlo.add(finiteLogs, hlo.repeatRows(entropies, shape))
  const ofEntropies = hlo.multiply(hlo.repeatRows(dEntropies, shape), hlo.multiply(probabilities, surprise))
  return hlo.subtract(ofLogProbs, ofEntropies)
}

function logitsOf({ head, multiply }: TokenLogProbsInputs, hidden: Node /* [rows, D] */): Node /* [rows, V] */ {
  return timesTransposed(hidden, head, multiply)
}

/** How an array with n rows becomes one with chunks of rows, [n, …] to [n / chunkRows, chunkRows, …]. */
function chunksOf({ hidden, chunkRows }: TokenLogProbsInputs): (x: Node) => Node {
  const chunks = hidden.shape[0]! / chunkRows
  if (!Number.isInteger(chunks)) {
    throw new ShapeError(`tokenLogProbs: ${printType(hidden)} does not divide into chunks of ${chunkRows} rows`)
  }
  return (x) => hlo.reshape(x, [chunks, chunkRows, ...x.shape.slice(1)])
}
