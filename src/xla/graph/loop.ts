import { ShapeError } from '../../errors.js'
import { bytesOf, printType } from '../types.js'
import { node } from './node.js'
import type { LoopRegion, Node, Operation } from './node.js'
import { add, argument, compare, constant } from './operations.js'
import { orderOf } from './order.js'

/**
 * A loop on the device: as long as `condition` holds for the state, the state becomes what `body` makes of it. Both may read any
 * other node of the graph. Returns the last state.
 */
export function loop(
  start: readonly Node[],
  condition: (state: readonly Node[]) => Node, // i1
  body: (state: readonly Node[]) => readonly Node[],
): Node[] {
  const state = start.map(({ dtype, shape }) => argument(dtype, shape))
  const region = { state, condition: condition(state), next: body(state) }
  checkRegion(region)
  const captured = capturedBy(region)
  const operation: Operation = { kind: 'while', region: { ...region, captured } }
  const looped = node(operation, [...start, ...captured], { dtype: 'i1', shape: [] })
  return start.map((type, index) => node({ kind: 'result', index }, [looped], type))
}

function checkRegion({ state, condition, next }: Omit<LoopRegion, 'captured'>): void {
  const test = printType(condition)
  if (test !== 'tensor<i1>') throw new ShapeError(`loop: the condition is ${test}, expected tensor<i1>`)
  if (next.length !== state.length) {
    throw new ShapeError(`loop: a state of ${state.length} arrays becomes one of ${next.length}`)
  }
  for (const [i, after] of next.entries()) {
    const [was, becomes] = [printType(state[i]!), printType(after)]
    if (was !== becomes) throw new ShapeError(`loop: number ${i} of the state is ${was} and becomes ${becomes}`)
  }
}

/** Does something for 0, 1, … count − 1, and returns the last state. */
export function countedLoop(
  count: number | Node, // i32
  start: readonly Node[],
  body: (index: Node, state: readonly Node[]) => readonly Node[],
): Node[] {
  return loop(
    [constant(0, 'i32'), ...start],
    ([index]) => compare(index!, 'LT', count),
    ([index, ...state]) => [add(index!, 1), ...body(index!, state)],
  ).slice(1)
}

/**
 * What a loop reads beside its state: the nodes at the border to what the state decides. Those that are larger than what they are
 * made of, such as masks, are made again inside, where they need no memory of their own.
 */
function capturedBy({ state, condition, next }: Omit<LoopRegion, 'captured'>): Node[] {
  const roots = [condition, ...next]
  const order = orderOf(roots)
  const costs = bytesCaptured(order)
  const depends = new Set(state)
  for (const one of order) if (one.inputs.some((input) => depends.has(input))) depends.add(one)
  const captured = new Set<Node>()
  const visited = new Set<Node>()
  const capture = (root: Node): void => {
    const open = [root]
    for (let one = open.pop(); one; one = open.pop()) {
      if (visited.has(one)) continue
      visited.add(one)
      if (costs.get(one)! < bytesOf(one)) open.push(...one.inputs)
      else captured.add(one)
    }
  }
  for (const one of depends) for (const input of one.inputs) if (!depends.has(input)) capture(input)
  for (const root of roots) if (!depends.has(root)) capture(root)
  return [...captured]
}

const elementwise: readonly Operation['kind'][] = [
  'unary',
  'binary',
  'compare',
  'select',
  'convert',
  'detach',
  'broadcast',
]

/** For each node the bytes that have to be captured to have it inside: its own, or those of what it can be made of again. */
function bytesCaptured(order: readonly Node[]): Map<Node, number> {
  const costs = new Map<Node, number>()
  for (const one of order) {
    const { kind } = one.operation
    const ofInputs = one.inputs.reduce((sum, input) => sum + costs.get(input)!, 0)
    if (kind === 'constant' || kind === 'iota') costs.set(one, 0)
    else costs.set(one, elementwise.includes(kind) ? Math.min(bytesOf(one), ofInputs) : bytesOf(one))
  }
  return costs
}
