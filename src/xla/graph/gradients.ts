import { ShapeError, UnsupportedError } from '../../errors.js'
import { printType } from '../types.js'
import type { DotDimensions, Node, Operation } from './node.js'
import * as hlo from './operations.js'
import { orderOf } from './order.js'

/**
 * Gradients of Σ dys · ys with respect to some nodes, as nodes of the same graph (vector-Jacobian products, in reverse order of
 * computation). A node that decides nothing has the gradient 0.
 * @throws UnsupportedError where the way leads through an operation without gradient, such as a loop
 * @throws ShapeError when there is not one gradient of its type for each of `ys`
 */
export function gradients(
  ys: readonly Node[],
  dys: readonly Node[], // [ys] of the same types
  variables: readonly Node[],
): Node[] {
  const [given, expected] = [dys, ys].map((nodes) => nodes.map(printType).join(', '))
  if (given !== expected) throw new ShapeError(`gradients: those of the results are ${given}, expected ${expected}`)
  const wanted = new Set(variables)
  const order = orderOf(ys)
  // Nodes on a way to a wanted one.
  const reaching = new Set<Node>()
  for (const one of order) {
    const passes = one.operation.kind !== 'detach' && one.inputs.some((input) => reaching.has(input))
    if (passes || wanted.has(one)) reaching.add(one)
  }
  const found = new Map<Node, Node>()
  const give = (to: Node, gradient: () => Node): void => {
    if (!reaching.has(to)) return
    const before = found.get(to)
    found.set(to, before ? hlo.add(before, gradient()) : gradient())
  }
  for (const [i, y] of ys.entries()) give(y, () => dys[i]!)
  for (const one of order.toReversed()) {
    const dy = found.get(one)
    if (dy && !wanted.has(one)) passOn(one, dy, give)
  }
  return variables.map((variable) => found.get(variable) ?? hlo.constant(0, variable.dtype, variable.shape))
}

type Give = (to: Node, gradient: () => Node) => void

/** Hands the gradient of a node on to its inputs. */
function passOn(one: Node, dy: Node, give: Give): void {
  const { operation } = one
  const [x, y, z] = one.inputs as [Node, Node, Node]
  switch (operation.kind) {
    case 'unary':
      passOnUnary(one, dy, give)
      return
    case 'binary':
      passOnBinary(one, dy, give)
      return
    case 'select':
      give(y, () => hlo.select(x, dy, 0))
      give(z, () => hlo.select(x, 0, dy))
      return
    case 'barrier':
      give(x, () => dy)
      return
    case 'convert':
      give(x, () => hlo.convert(dy, x.dtype))
      return
    case 'reshape':
      give(x, () => hlo.reshape(dy, x.shape))
      return
    case 'broadcast': {
      const repeated = one.shape.map((_, i) => i).filter((i) => !operation.dimensions.includes(i))
      // What is left lies in the order of the result's dimensions.
      give(x, () => unsorted(repeated.length > 0 ? hlo.sum(dy, repeated) : dy, operation.dimensions))
      return
    }
    case 'transpose':
      give(x, () => hlo.transpose(dy, inverse(operation.permutation)))
      return
    case 'slice': {
      const high = operation.limits.map((limit, i) => x.shape[i]! - limit)
      give(x, () => hlo.pad(dy, operation.starts, high))
      return
    }
    case 'pad': {
      const limits = operation.low.map((low, i) => low + x.shape[i]!)
      give(x, () => hlo.slice(dy, operation.low, limits))
      return
    }
    case 'concatenate':
      passOnParts(one, operation.dimension, dy, give)
      return
    case 'reduce': {
      if (operation.name !== 'add') break
      const kept = x.shape.map((_, i) => i).filter((i) => !operation.dimensions.includes(i))
      give(x, () => hlo.broadcast(dy, x.shape, kept))
      return
    }
    case 'takeRows':
      give(x, () => hlo.addRows(hlo.constant(0, x.dtype, x.shape), y, dy))
      return
    case 'dot':
      give(x, () => dotGradient(x, y, operation.dimensions, dy, 0))
      give(y, () => dotGradient(y, x, operation.dimensions, dy, 1))
      return
    case 'detach':
    case 'iota':
    case 'constant':
    case 'compare':
      return
    default:
      break
  }
  const names: Partial<Record<Operation['kind'], string>> = { reduce: 'largest', result: 'while' }
  const name = names[operation.kind] ?? operation.kind
  throw new UnsupportedError(`the operation ${name} of a program has no gradient`)
}

function passOnUnary(one: Node, dy: Node, give: Give): void {
  const [x] = one.inputs as [Node]
  const name = one.operation.kind === 'unary' ? one.operation.name : ''
  switch (name) {
    case 'negate':
      give(x, () => hlo.negate(dy))
      return
    case 'exponential':
      give(x, () => hlo.multiply(dy, one))
      return
    case 'log':
      give(x, () => hlo.divide(dy, x))
      return
    case 'logistic':
      give(x, () => hlo.multiply(dy, hlo.multiply(one, hlo.subtract(1, one))))
      return
    case 'rsqrt':
      give(x, () => hlo.multiply(dy, hlo.multiply(-0.5, hlo.multiply(one, hlo.multiply(one, one)))))
      return
    default:
      throw new UnsupportedError(`the operation ${name} of a program has no gradient`)
  }
}

function passOnBinary(one: Node, dy: Node, give: Give): void {
  const [x, y] = one.inputs as [Node, Node]
  const name = one.operation.kind === 'binary' ? one.operation.name : ''
  switch (name) {
    case 'add':
      give(x, () => dy)
      give(y, () => dy)
      return
    case 'subtract':
      give(x, () => dy)
      give(y, () => hlo.negate(dy))
      return
    case 'multiply':
      give(x, () => hlo.multiply(dy, y))
      give(y, () => hlo.multiply(dy, x))
      return
    case 'divide':
      give(x, () => hlo.divide(dy, y))
      give(y, () => hlo.negate(hlo.divide(hlo.multiply(dy, one), y)))
      return
    default:
      throw new UnsupportedError(`the operation ${name} of a program has no gradient`)
  }
}

function passOnParts(one: Node, dimension: number, dy: Node, give: Give): void {
  let at = 0
  for (const part of one.inputs) {
    const start = at
    at += part.shape[dimension]!
    const end = at
    give(part, () => hlo.sliceAlong(dy, dimension, start, end))
  }
}

/** The gradient of one side of a product, of the type of that side. */
function dotGradient(
  own: Node,
  other: Node,
  { batch, contract }: Required<DotDimensions>,
  dy: Node, // batch, the rest of the left side, the rest of the right side
  side: 0 | 1,
): Node {
  const otherSide = side === 0 ? 1 : 0
  const rest = (one: Node, of: 0 | 1): number[] =>
    one.shape.map((_, i) => i).filter((i) => !batch[of].includes(i) && !contract[of].includes(i))
  const [ownRest, otherRest] = [rest(own, side), rest(other, otherSide)]
  const batches = batch[0].length
  const leftRest = side === 0 ? ownRest.length : otherRest.length
  const otherInDy = otherRest.map((_, i) => batches + (side === 0 ? leftRest : 0) + i)
  const product = hlo.dot(
    hlo.convert(dy, other.dtype),
    other,
    { batch: [batch[0].map((_, i) => i), batch[otherSide]], contract: [otherInDy, otherRest] },
    'f32',
  )
  // The product has the batch, what is left of this side, and what was contracted as it lies in the other side.
  const contracted = contract[otherSide]
    .map((place, i) => [place, contract[side][i]!] as const)
    .toSorted(([a], [b]) => a - b)
    .map(([, ownPlace]) => ownPlace)
  const places = [...batch[side], ...ownRest, ...contracted]
  return hlo.convert(hlo.transpose(product, inverse(places)), own.dtype)
}

/** Puts dimensions that lie in ascending order of `places` into the order of `places`. */
function unsorted(x: Node, places: readonly number[]): Node {
  const sorted = places.toSorted((a, b) => a - b)
  const permutation = places.map((place) => sorted.indexOf(place))
  return permutation.every((from, i) => from === i) ? x : hlo.transpose(x, permutation)
}

/** Where each dimension comes from, of a permutation that says where they go. */
function inverse(permutation: readonly number[]): number[] {
  return permutation.map((_, i) => permutation.indexOf(i))
}
