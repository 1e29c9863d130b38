/** The operations of a program, as functions of nodes: each checks its types and makes a node. */
import { ShapeError } from '../../errors.js'
import { bytesOf, printType, sizeOf } from '../types.js'
import type { ArrayType, ElementType } from '../types.js'
import { node } from './node.js'
import type { BinaryName, Comparison, DotDimensions, Node, UnaryName } from './node.js'

/** What a number or a node is taken for beside another node: a number stands for an array full of it. */
export type Operand = Node | number

/** An argument of the program. */
export function argument(dtype: ElementType, shape: readonly number[]): Node {
  return node({ kind: 'argument' }, [], { dtype, shape })
}

/** An array full of one number, or with a list of numbers along its only dimension. */
export function constant(values: number | readonly number[], dtype: ElementType, shape: readonly number[] = []): Node {
  if (typeof values !== 'number' && (shape.length !== 1 || shape[0] !== values.length)) {
    throw new ShapeError(`a list of ${values.length} numbers was given the shape [${shape.join(', ')}]`)
  }
  return node({ kind: 'constant', values }, [], { dtype, shape })
}

/** 0, 1, 2, … along one dimension. */
export function iota(dimension: number, shape: readonly number[], dtype: ElementType = 'i32'): Node {
  if (!areDimensions([dimension], shape)) {
    throw new ShapeError(`iota: [${shape.join(', ')}] has no dimension ${dimension}`)
  }
  return node({ kind: 'iota', dimension }, [], { dtype, shape })
}

/** A function of one array, number by number. */
function unary(name: UnaryName, x: Node): Node {
  return node({ kind: 'unary', name }, [x], x)
}

export const abs = (x: Node): Node => unary('abs', x)
export const exponential = (x: Node): Node => unary('exponential', x)
export const floor = (x: Node): Node => unary('floor', x)
export const log = (x: Node): Node => unary('log', x)
/** 1 / (1 + e⁻ˣ). */
export const logistic = (x: Node): Node => unary('logistic', x)
export const negate = (x: Node): Node => unary('negate', x)
export const not = (x: Node): Node => unary('not', x)
/** 1 / √x. */
export const rsqrt = (x: Node): Node => unary('rsqrt', x)

/** A function of two arrays of the same type, number by number. */
function binary(name: BinaryName, x: Operand, y: Operand): Node {
  const [a, b] = alike(name, x, y)
  return node({ kind: 'binary', name }, [a, b], a)
}

export const add = (x: Operand, y: Operand): Node => binary('add', x, y)
export const and = (x: Node, y: Node): Node => binary('and', x, y)
export const divide = (x: Operand, y: Operand): Node => binary('divide', x, y)
export const maximum = (x: Operand, y: Operand): Node => binary('maximum', x, y)
export const minimum = (x: Operand, y: Operand): Node => binary('minimum', x, y)
export const multiply = (x: Operand, y: Operand): Node => binary('multiply', x, y)
export const or = (x: Node, y: Node): Node => binary('or', x, y)
export const shiftLeft = (x: Operand, y: Operand): Node => binary('shift_left', x, y)
export const shiftRightLogical = (x: Operand, y: Operand): Node => binary('shift_right_logical', x, y)
export const subtract = (x: Operand, y: Operand): Node => binary('subtract', x, y)
export const xor = (x: Operand, y: Operand): Node => binary('xor', x, y)

/** Whether numbers stand in a relation. */
export function compare(x: Operand, direction: Comparison, y: Operand): Node {
  const [a, b] = alike(`compare ${direction}`, x, y)
  return node({ kind: 'compare', direction }, [a, b], { dtype: 'i1', shape: a.shape })
}

/** `whenTrue` where the condition holds, `whenFalse` elsewhere. */
export function select(
  condition: Node, // i1
  whenTrue: Operand,
  whenFalse: Operand,
): Node {
  const [a, b] = alike('select', whenTrue, whenFalse)
  sameShape('select', condition, a)
  if (condition.dtype !== 'i1') throw new ShapeError(`select: the condition is ${printType(condition)}, expected i1`)
  return node({ kind: 'select' }, [condition, a, b], a)
}

/** The same numbers as another type. */
export function convert(x: Node, dtype: ElementType): Node {
  return x.dtype === dtype ? x : node({ kind: 'convert' }, [x], { dtype, shape: x.shape })
}

/** The same numbers, through which no gradient passes. */
export function detach(x: Node): Node {
  return node({ kind: 'detach' }, [x], x)
}

/** The same numbers, computed before what they are used for: nothing is joined across it. */
export function barrier(x: Node): Node {
  return node({ kind: 'barrier' }, [x], x)
}

/** The same bits as another type of the same width. */
export function bitcast(x: Node, dtype: ElementType): Node {
  const type = { dtype, shape: x.shape }
  if (bytesOf(x) !== bytesOf(type))
    throw new ShapeError(`bitcast: ${printType(x)} is not as wide as ${printType(type)}`)
  return node({ kind: 'bitcast' }, [x], type)
}

/** The same numbers in another shape. */
export function reshape(x: Node, shape: readonly number[]): Node {
  if (sizeOf(shape) !== sizeOf(x.shape)) {
    throw new ShapeError(`reshape: ${printType(x)} does not have the numbers of [${shape.join(', ')}]`)
  }
  return x.shape.join() === shape.join() ? x : node({ kind: 'reshape' }, [x], { dtype: x.dtype, shape })
}

/** Repeats an array: its dimension i becomes dimension `dimensions[i]` of the result. */
export function broadcast(x: Node, shape: readonly number[], dimensions: readonly number[]): Node {
  const fits = dimensions.length === x.shape.length && dimensions.every((to, i) => shape[to] === x.shape[i])
  if (!fits || !areDimensions(dimensions, shape)) {
    throw new ShapeError(`broadcast: ${printType(x)} to [${shape.join(', ')}] along [${dimensions.join(', ')}]`)
  }
  return node({ kind: 'broadcast', dimensions }, [x], { dtype: x.dtype, shape })
}

/** Repeats an array along the last dimensions of a shape: [N] of [N, V], say. */
export function repeatRows(x: Node, shape: readonly number[]): Node {
  return broadcast(
    x,
    shape,
    x.shape.map((_, i) => i),
  )
}

/** Repeats an array along the first dimensions of a shape: [V] of [N, V], say. */
export function repeatColumns(x: Node, shape: readonly number[]): Node {
  return broadcast(
    x,
    shape,
    x.shape.map((_, i) => shape.length - x.shape.length + i),
  )
}

/** Dimension i of the result is dimension `permutation[i]` of the array. */
export function transpose(x: Node, permutation: readonly number[]): Node {
  if (permutation.length !== x.shape.length || !areDimensions(permutation, x.shape)) {
    throw new ShapeError(`transpose: ${printType(x)} by [${permutation.join(', ')}], expected each dimension once`)
  }
  const shape = permutation.map((from) => x.shape[from]!)
  return node({ kind: 'transpose', permutation }, [x], { dtype: x.dtype, shape })
}

/** From `starts` up to `limits` along each dimension. */
export function slice(x: Node, starts: readonly number[], limits: readonly number[]): Node {
  const isInside = x.shape.every((size, i) => 0 <= starts[i]! && starts[i]! <= limits[i]! && limits[i]! <= size)
  if (!isInside || starts.length !== x.shape.length || limits.length !== x.shape.length) {
    throw new ShapeError(`slice: [${starts.join(', ')}] to [${limits.join(', ')}] of ${printType(x)}`)
  }
  return node({ kind: 'slice', starts, limits }, [x], {
    dtype: x.dtype,
    shape: limits.map((end, i) => end - starts[i]!),
  })
}

/** A part of one dimension. */
export function sliceAlong(x: Node, dimension: number, start: number, limit: number): Node {
  if (!areDimensions([dimension], x.shape)) throw new ShapeError(`slice: ${printType(x)} has no dimension ${dimension}`)
  const starts = x.shape.map((_, i) => (i === dimension ? start : 0))
  const limits = x.shape.map((size, i) => (i === dimension ? limit : size))
  return slice(x, starts, limits)
}

/** Zeros before and behind, along each dimension. */
export function pad(x: Node, low: readonly number[], high: readonly number[]): Node {
  const rank = x.shape.length
  if (low.length !== rank || high.length !== rank || [...low, ...high].some((size) => size < 0)) {
    throw new ShapeError(`pad: ${printType(x)} by [${low.join(', ')}] before and [${high.join(', ')}] behind`)
  }
  // XLA's CPU compiler of jaxlib 0.11.2 loses numbers of a bf16 array that it pads along two dimensions.
  if (x.dtype === 'bf16') return convert(pad(convert(x, 'f32'), low, high), 'bf16')
  const shape = x.shape.map((size, i) => low[i]! + size + high[i]!)
  return node({ kind: 'pad', low, high }, [x, constant(0, x.dtype)], { dtype: x.dtype, shape })
}

/** Arrays one behind the other along a dimension. */
export function concatenate(parts: readonly Node[], dimension: number): Node {
  const [first] = parts
  if (!first) throw new ShapeError('concatenate: there are no arrays')
  for (const part of parts) {
    const fits = part.dtype === first.dtype && part.shape.length === first.shape.length
    if (
      !fits ||
      !areDimensions([dimension], part.shape) ||
      part.shape.some((size, i) => i !== dimension && size !== first.shape[i])
    ) {
      throw new ShapeError(`concatenate along ${dimension}: ${parts.map(printType).join(', ')}`)
    }
  }
  if (parts.length === 1) return first
  const length = parts.reduce((sum, { shape }) => sum + shape[dimension]!, 0)
  const shape = first.shape.map((size, i) => (i === dimension ? length : size))
  return node({ kind: 'concatenate', dimension }, parts, { dtype: first.dtype, shape })
}

/** Sums over some dimensions, which go away. */
export function sum(x: Node, dimensions: readonly number[]): Node {
  return reduce('add', 0, x, dimensions)
}

/** Largest numbers along some dimensions, which go away. */
export function largest(x: Node, dimensions: readonly number[]): Node {
  return reduce('maximum', x.dtype === 'i32' ? -(2 ** 31) : -Infinity, x, dimensions)
}

function reduce(name: 'add' | 'maximum', start: number, x: Node, dimensions: readonly number[]): Node {
  if (!areDimensions(dimensions, x.shape)) {
    const operation = name === 'add' ? 'sum' : 'largest'
    throw new ShapeError(
      `${operation}: ${printType(x)} along [${dimensions.join(', ')}], expected dimensions of it, each once`,
    )
  }
  const shape = x.shape.filter((_, i) => !dimensions.includes(i))
  return node({ kind: 'reduce', name, dimensions }, [x, constant(start, x.dtype)], { dtype: x.dtype, shape })
}

/**
 * The product of two arrays, summed over what is contracted, as f32 or another type: dimensions of the result are those of the
 * batch, the others of the left side, the others of the right side.
 */
export function dot(
  left: Node,
  right: Node,
  { batch = [[], []], contract }: DotDimensions,
  dtype: ElementType = 'f32',
): Node {
  const sides = ([a, b]: readonly [readonly number[], readonly number[]]): boolean =>
    a.length === b.length && a.every((dimension, i) => left.shape[dimension] === right.shape[b[i]!])
  const fits =
    [batch, contract].every(sides) &&
    areDimensions([...batch[0], ...contract[0]], left.shape) &&
    areDimensions([...batch[1], ...contract[1]], right.shape)
  if (!fits || left.dtype !== right.dtype) {
    throw new ShapeError(
      `dot: ${printType(left)} and ${printType(right)} do not fit, batch ${JSON.stringify(batch)}, contract ${JSON.stringify(contract)}`,
    )
  }
  const rest = ({ shape }: ArrayType, side: 0 | 1) =>
    shape.filter((_, i) => !batch[side].includes(i) && !contract[side].includes(i))
  const shape = [...batch[0].map((i) => left.shape[i]!), ...rest(left, 0), ...rest(right, 1)]
  return node({ kind: 'dot', dimensions: { batch, contract } }, [left, right], { dtype, shape })
}

/** Rows of a table. */
export function takeRows(
  table: Node, // [S, …]
  rows: Node, // [N] i32
): Node {
  const type = { dtype: table.dtype, shape: [...rows.shape, ...table.shape.slice(1)] }
  checkRows('takeRows', table, rows, type)
  return node({ kind: 'takeRows' }, [table, rows], type)
}

/** Adds to rows of a table; a row may occur several times. */
export function addRows(
  table: Node, // [S, …]
  rows: Node, // [N] i32
  values: Node, // [N, …]
): Node {
  checkRows('addRows', table, rows, values)
  return node({ kind: 'addRows' }, [table, rows, values], table)
}

function checkRows(name: string, table: Node, rows: Node, values: ArrayType): void {
  const expected: ArrayType = { dtype: table.dtype, shape: [...rows.shape, ...table.shape.slice(1)] }
  const isTable = table.shape.length > 0 && rows.shape.length === 1 && rows.dtype === 'i32'
  if (isTable && printType(values) === printType(expected)) return
  throw new ShapeError(`${name}: ${printType(values)} at rows ${printType(rows)} of ${printType(table)}`)
}

/** Writes values to places of a table, of which no two are the same; `axes` of the table are what the places say. */
export function putRows(
  table: Node,
  places: Node, // [N, axes] i32
  values: Node, // [N, … the other axes of the table]
  axes: readonly number[],
): Node {
  const [count, coordinates] = places.shape
  const others = table.shape.filter((_, axis) => !axes.includes(axis))
  const expected = printType({ dtype: table.dtype, shape: [count!, ...others] })
  const arePlaces = places.dtype === 'i32' && places.shape.length === 2 && coordinates === axes.length
  if (!arePlaces || !areDimensions(axes, table.shape) || printType(values) !== expected) {
    throw new ShapeError(
      `putRows: ${printType(values)} at places ${printType(places)} along [${axes.join(', ')}] of ${printType(table)}`,
    )
  }
  return node({ kind: 'putRows', axes }, [table, places, values], table)
}

/** A part of an array whose place the program computes; one that reaches beyond the end is moved inside. */
export function dynamicSlice(x: Node, starts: readonly Operand[], sizes: readonly number[]): Node {
  const type = { dtype: x.dtype, shape: sizes }
  return node({ kind: 'dynamicSlice', sizes }, [x, ...placeOf('dynamicSlice', x, type, starts)], type)
}

/** An array with a part of it replaced, whose place the program computes; one that reaches beyond the end is moved inside. */
export function dynamicUpdate(x: Node, values: Node, starts: readonly Operand[]): Node {
  return node({ kind: 'dynamicUpdate' }, [x, values, ...placeOf('dynamicUpdate', x, values, starts)], x)
}

/** Where a part of an array starts, as nodes. */
function placeOf(name: string, x: Node, part: ArrayType, starts: readonly Operand[]): Node[] {
  const nodes = starts.map((start) => (typeof start === 'number' ? constant(start, 'i32') : start))
  const rank = x.shape.length
  const fits =
    part.dtype === x.dtype && part.shape.length === rank && part.shape.every((size, i) => size <= x.shape[i]!)
  if (!fits || nodes.length !== rank || nodes.some((start) => start.dtype !== 'i32' || start.shape.length > 0)) {
    const place = nodes.map(printType).join(', ')
    throw new ShapeError(`${name}: ${printType(part)} does not fit into ${printType(x)} at [${place}]`)
  }
  return nodes
}

/** Entry `index` of a stack. */
export function entryOf(
  stack: Node, // [L, …]
  index: Node, // i32
): Node {
  const shape = stack.shape.slice(1)
  return reshape(dynamicSlice(stack, [index, ...shape.map(() => 0)], [1, ...shape]), shape)
}

/** A stack with entry `index` replaced. */
export function withEntry(
  stack: Node, // [L, …]
  value: Node, // […]
  index: Node, // i32
): Node {
  return dynamicUpdate(stack, reshape(value, [1, ...value.shape]), [index, ...value.shape.map(() => 0)])
}

/** Whether numbers are those of dimensions of a shape, each once. */
function areDimensions(dimensions: readonly number[], shape: readonly number[]): boolean {
  return (
    new Set(dimensions).size === dimensions.length && dimensions.every((dimension) => shape[dimension] !== undefined)
  )
}

/** Two operands as nodes of the same type. */
function alike(name: string, x: Operand, y: Operand): [Node, Node] {
  if (typeof x === 'number' && typeof y === 'number')
    throw new ShapeError(`${name}: of two numbers none says the shape`)
  const like = (typeof x === 'number' ? y : x) as Node
  const [a, b] = [x, y].map((operand) =>
    typeof operand === 'number' ? constant(operand, like.dtype, like.shape) : operand,
  ) as [Node, Node]
  sameShape(name, a, b)
  if (a.dtype !== b.dtype) throw new ShapeError(`${name}: ${printType(a)} and ${printType(b)} are of different types`)
  return [a, b]
}

function sameShape(name: string, a: Node, b: Node): void {
  if (a.shape.join() !== b.shape.join()) {
    throw new ShapeError(`${name}: ${printType(a)} and ${printType(b)} are of different shapes`)
  }
}
