/** Products with quantised weights: the numbers that codes stand for are computed where they are multiplied. */
import { countedLoop } from '../graph/loop.js'
import type { DotDimensions, Node } from '../graph/node.js'
import * as hlo from '../graph/operations.js'
import { isQuantizedArrays, mapQuantized } from './weightArrays.js'
import type { QuantizedArrays, WeightArrays } from './weightArrays.js'

/** How a program multiplies, f32 as the result: see `multiplier`. */
export type Multiply = (left: Node, right: Node, dimensions: DotDimensions) => Node

/** Numbers of a head that are there beside its codes at one time, at most. */
const PIECE_NUMBERS = 2 ** 25
/** Rows of a piece are a multiple of this, which products on cards like. */
const PIECE_MULTIPLE = 128

/**
 * The numbers of a quantised matrix in float32: value of the code · scale + offset. XLA may round product and sum at once, where the
 * cpu engine rounds both.
 */
export function dequantized({ format, width, codes, scales, offsets }: QuantizedArrays<Node>): Node /* [out, width] */ {
  const out = codes.shape[0]!
  const groups = scales.shape[1]!
  /** What groups have, for each input. */
  const ofInputs = (perGroup: Node): Node => {
    const repeated = hlo.broadcast(perGroup, [out, groups, format.groupSize], [0, 1])
    return firstColumns(hlo.reshape(repeated, [out, groups * format.groupSize]), width)
  }
  const scaled = hlo.multiply(codeValues(format.codebook, width, codes), ofInputs(scales))
  return offsets ? hlo.add(scaled, ofInputs(offsets)) : scaled
}

function firstColumns(x: Node, width: number): Node {
  return x.shape[1] === width ? x : hlo.sliceAlong(x, 1, 0, width)
}

/** What codes stand for before they are scaled. */
function codeValues(codebook: Float32Array | null, width: number, codes: Node): Node /* [out, width] f32 */ {
  if (!codebook) return hlo.convert(codes, 'f32')
  const [out, bytes] = codes.shape as [number, number]
  const pairs = [out, bytes, 2]
  const shifts = hlo.convert(hlo.multiply(hlo.iota(2, pairs), 4), 'ui8')
  const halves = hlo.and(hlo.shiftRightLogical(hlo.repeatRows(codes, pairs), shifts), hlo.constant(15, 'ui8', pairs))
  return firstColumns(hlo.reshape(valuesOf(codebook, halves), [out, 2 * bytes]), width)
}

/** The entries of a codebook. */
function valuesOf(codebook: Float32Array, codes: Node /* ui8 */): Node /* f32 */ {
  const first = codebook[0]!
  if (codebook.every((value, code) => value === first + code)) return hlo.add(hlo.convert(codes, 'f32'), first)
  // A tree of choices by the bits of the code: a look-up would keep XLA from joining it with what is around it.
  let values = Array.from(codebook, (value) => hlo.constant(value, 'f32', codes.shape))
  for (let bit = 1; values.length > 1; bit *= 2) {
    const isSet = hlo.compare(hlo.and(codes, hlo.constant(bit, 'ui8', codes.shape)), 'NE', 0)
    values = Array.from({ length: values.length / 2 }, (_, i) => hlo.select(isSet, values[2 * i + 1]!, values[2 * i]!))
  }
  return values[0]!
}

/** x · Wᵀ for a large matrix, some of whose rows are dequantised at a time. */
export function timesTransposed(
  x: Node, // [N, in]
  weight: WeightArrays<Node>, // [out, in]
  multiply: Multiply,
  pieceNumbers = PIECE_NUMBERS,
): Node /* [N, out] f32 */ {
  const product = (rows: Node): Node => multiply(x, rows, { contract: [[1], [1]] })
  if (!isQuantizedArrays(weight)) return product(weight)
  const pieces = cutRows(weight, pieceNumbers)
  if (!pieces) return product(dequantized(weight))
  const { out, rows, count, rest } = pieces
  const start = hlo.constant(0, 'f32', [x.shape[0]!, out])
  const [whole] = countedLoop(count, [start], (piece, [sofar]) => {
    const first = hlo.multiply(piece, rows)
    return [hlo.dynamicUpdate(sofar!, product(dequantized(rowsFrom(weight, first, rows))), [0, first])]
  }) as [Node]
  return rest === 0 ? whole : hlo.dynamicUpdate(whole, product(dequantized(lastRows(weight, rest))), [0, out - rest])
}

/** x · W for a large matrix, some of whose rows are dequantised at a time. */
export function timesMatrix(
  x: Node, // [N, out]
  weight: WeightArrays<Node>, // [out, in]
  multiply: Multiply,
  pieceNumbers = PIECE_NUMBERS,
): Node /* [N, in] f32 */ {
  const product = (columns: Node, rows: Node): Node => multiply(columns, rows, { contract: [[1], [0]] })
  if (!isQuantizedArrays(weight)) return product(x, weight)
  const pieces = cutRows(weight, pieceNumbers)
  if (!pieces) return product(x, dequantized(weight))
  const { out, rows, count, rest } = pieces
  const height = x.shape[0]!
  const start = hlo.constant(0, 'f32', [height, weight.width])
  const [sum] = countedLoop(count, [start], (piece, [sofar]) => {
    const first = hlo.multiply(piece, rows)
    const columns = hlo.dynamicSlice(x, [0, first], [height, rows])
    return [hlo.add(sofar!, product(columns, dequantized(rowsFrom(weight, first, rows))))]
  }) as [Node]
  if (rest === 0) return sum
  return hlo.add(sum, product(hlo.sliceAlong(x, 1, out - rest, out), dequantized(lastRows(weight, rest))))
}

interface Pieces {
  readonly out: number
  /** Of each piece, and how many there are. */
  readonly rows: number
  readonly count: number
  /** Rows that are left over. */
  readonly rest: number
}

/** Null where a matrix is small enough as a whole. */
function cutRows({ codes, width }: QuantizedArrays<Node>, pieceNumbers: number): Pieces | null {
  const out = codes.shape[0]!
  const wanted = Math.ceil((out * width) / pieceNumbers)
  const rows = Math.ceil(out / wanted / PIECE_MULTIPLE) * PIECE_MULTIPLE
  if (wanted <= 1 || rows >= out) return null
  const count = Math.floor(out / rows)
  return { out, rows, count, rest: out - count * rows }
}

function rowsFrom(weight: QuantizedArrays<Node>, first: Node, count: number): QuantizedArrays<Node> {
  return mapQuantized(weight, (x) => hlo.dynamicSlice(x, [first, 0], [count, x.shape[1]!]))
}

function lastRows(weight: QuantizedArrays<Node>, count: number): QuantizedArrays<Node> {
  return mapQuantized(weight, (x) => hlo.sliceAlong(x, 0, x.shape[0]! - count, x.shape[0]!))
}
