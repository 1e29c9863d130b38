import type { Node } from '../graph/node.js'
import * as hlo from '../graph/operations.js'

/** Far below every score, and no infinity: rows in which everything is hidden stay finite. */
const HIDDEN = -1e30

/** Scores where they may be seen. */
export function hideUnless(visible: Node /* i1 */, scores: Node): Node {
  return hlo.select(visible, scores, HIDDEN)
}

/** The largest of each row, along the last dimension. It changes nothing but the rounding, so no gradient has to pass through it. */
export function peaksOf(scores: Node /* […, keys] */): Node /* […] */ {
  return hlo.detach(hlo.largest(scores, [scores.shape.length - 1]))
}

/** e^(score − peak): weights of a softmax that are not divided by their sum yet. */
export function powersOf(
  scores: Node, // […, keys]
  peaks: Node, // […]
): Node {
  return hlo.exponential(hlo.subtract(scores, hlo.repeatRows(peaks, scores.shape)))
}

/** Sums of each row, along the last dimension. */
export function sumsOf(powers: Node /* […, keys] */): Node /* […] */ {
  return hlo.sum(powers, [powers.shape.length - 1])
}
