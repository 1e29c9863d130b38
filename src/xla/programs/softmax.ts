import type { Node } from '../graph/node.js'
import * as hlo from '../graph/operations.js'

/** Far below every score, and no infinity: rows in which everything is hidden stay finite. */
const HIDDEN = -1e30

/** Scores where they may be seen. */
export function hideUnless(visible: Node /* i1 */, scores: Node): Node {
  return hlo.select(visible, scores, HIDDEN)
}

/** e^x / Σ e^x along the last dimension. */
export function softmax(x: Node): Node {
  const last = x.shape.length - 1
  // The largest changes nothing but the rounding, so no gradient has to pass through it.
  const peak = hlo.detach(hlo.largest(x, [last]))
  const shifted = hlo.subtract(x, hlo.repeatRows(peak, x.shape))
  const powers = hlo.exponential(shifted)
  return hlo.divide(powers, hlo.repeatRows(hlo.sum(powers, [last]), powers.shape))
}
