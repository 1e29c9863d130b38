import assert from 'node:assert/strict'
import { GrpoError, ShapeError } from '../../../src/errors.js'
import { float32ToBfloat16 } from '../../../src/io/dtypes.js'
import type { Node } from '../../../src/xla/graph/node.js'
import * as hlo from '../../../src/xla/graph/operations.js'
import { printProgram } from '../../../src/xla/graph/print.js'
import type { Runner } from '../../../src/xla/runtime/runner.js'
import type { ElementType } from '../../../src/xla/types.js'
import { assertClose, randomValues } from '../../ops/suite.js'
import { compute, given } from '../compute.js'
import type { Given } from '../compute.js'
import { requireRunner } from '../plugin.js'

const SHAPE = [3, 5]
const SIZE = 15

/** Whole numbers of either sign. */
function randomInts(size: number, seed: number): number[] {
  return [...randomValues(size, seed, 50)].map(Math.round)
}

/** The index of each number of an array along its dimensions. */
function indexesOf(shape: readonly number[]): number[][] {
  return shape.reduce<number[][]>(
    (indexes, size) => indexes.flatMap((index) => Array.from({ length: size }, (_, i) => [...index, i])),
    [[]],
  )
}

/** Where a number lies. */
function offsetOf(index: readonly number[], shape: readonly number[]): number {
  return index.reduce((offset, i, dimension) => offset * shape[dimension]! + i, 0)
}

/** An array of which each number says its place, moved by plain JavaScript: number `from(index)` of `x` lies at `index`. */
function moved(x: Given, shape: readonly number[], from: (index: number[]) => number[] | null): number[] {
  return indexesOf(shape).map((index) => {
    const source = from(index)
    return source === null ? 0 : x.values[offsetOf(source, x.shape)]!
  })
}

/** The numbers 1, 2, 3, … */
function counting(shape: readonly number[], dtype: ElementType = 'f32'): Given {
  const size = shape.reduce((a, b) => a * b, 1)
  return given(
    Array.from({ length: size }, (_, i) => i + 1),
    shape,
    dtype,
  )
}

describe('xla/graph: operations', () => {
  let runner: Runner
  before(async function () {
    runner = await requireRunner(this)
  })

  const run = async (inputs: readonly Given[], build: (...nodes: Node[]) => Node): Promise<number[]> => {
    const [values] = await compute(runner, inputs, (...nodes) => [build(...nodes)])
    return [...values!]
  }

  const unary: [name: string, build: (x: Node) => Node, value: (x: number) => number, isPositive?: boolean][] = [
    ['abs', hlo.abs, Math.abs],
    ['exponential', hlo.exponential, Math.exp],
    ['floor', hlo.floor, Math.floor],
    ['log', hlo.log, Math.log, true],
    ['logistic', hlo.logistic, (x) => 1 / (1 + Math.exp(-x))],
    ['negate', hlo.negate, (x) => -x],
    ['rsqrt', hlo.rsqrt, (x) => 1 / Math.sqrt(x), true],
  ]
  it('computes functions of one array', async () => {
    const any = given(randomValues(SIZE, 1, 5), SHAPE)
    const positive = given(
      any.values.map((x) => Math.abs(x) + 0.1),
      SHAPE,
    )
    const results = await compute(runner, [any, positive], (x, y) =>
      unary.map(([, build, , isPositive]) => build(isPositive ? y : x)),
    )
    for (const [i, [name, , value, isPositive]] of unary.entries()) {
      const { values } = isPositive ? positive : any
      assertClose(results[i]!, Array.from(values, value), 1e-5, name)
    }
  })

  it('computes functions of two arrays of f32, and of an array and a number', async () => {
    const functions: [name: string, build: (x: Node, y: Node) => Node, value: (x: number, y: number) => number][] = [
      ['add', hlo.add, (x, y) => x + y],
      ['divide', hlo.divide, (x, y) => x / y],
      ['maximum', hlo.maximum, Math.max],
      ['minimum', hlo.minimum, Math.min],
      ['multiply', hlo.multiply, (x, y) => x * y],
      ['subtract', hlo.subtract, (x, y) => x - y],
      ['number on the left', (x) => hlo.subtract(1.25, x), (x) => 1.25 - x],
      ['number on the right', (x) => hlo.divide(x, -8), (x) => x / -8],
    ]
    const [x, y] = [given(randomValues(SIZE, 1, 5), SHAPE), given(randomValues(SIZE, 2, 5), SHAPE)]
    const results = await compute(runner, [x, y], (a, b) => functions.map(([, build]) => build(a, b)))
    for (const [i, [name, , value]] of functions.entries()) {
      const expected = Array.from(x.values, (number, at) => value(number, y.values[at]!))
      assertClose(results[i]!, expected, 1e-6, name)
    }
  })

  it('computes functions of two arrays of i32, which wrap around', async () => {
    const functions: [name: string, build: (x: Node, y: Node) => Node, value: (x: number, y: number) => number][] = [
      ['add', hlo.add, (x, y) => (x + y) | 0],
      ['and', hlo.and, (x, y) => x & y],
      ['divide', hlo.divide, (x, y) => Math.trunc(x / y) | 0],
      ['maximum', hlo.maximum, Math.max],
      ['minimum', hlo.minimum, Math.min],
      ['multiply', hlo.multiply, Math.imul],
      ['or', hlo.or, (x, y) => x | y],
      ['shiftLeft', (x) => hlo.shiftLeft(x, 3), (x) => x << 3],
      ['shiftRightLogical', (x) => hlo.shiftRightLogical(x, 3), (x) => (x >>> 3) | 0],
      ['subtract', hlo.subtract, (x, y) => (x - y) | 0],
      ['xor', hlo.xor, (x, y) => x ^ y],
      ['not', (x) => hlo.not(x), (x) => ~x],
    ]
    const x = [0, 1, -1, 7, 2147483647, -2147483648, ...randomInts(9, 1)]
    const y = [5, -3, 1, 2, 2147483647, 3, ...randomInts(9, 2).map((number) => number || 1)]
    const inputs = [given(x, SHAPE, 'i32'), given(y, SHAPE, 'i32')]
    const results = await compute(runner, inputs, (a, b) => functions.map(([, build]) => build(a, b)))
    for (const [i, [name, , value]] of functions.entries()) {
      assert.deepEqual(
        [...results[i]!],
        x.map((number, at) => value(number, y[at]!)),
        name,
      )
    }
  })

  it('computes with truth values', async () => {
    const [x, y] = [given([0, 0, 1, 1], [4], 'i1'), given([0, 1, 0, 1], [4], 'i1')]
    const results = await compute(runner, [x, y], (a, b) => [
      hlo.and(a, b),
      hlo.or(a, b),
      hlo.xor(a, b),
      hlo.not(a),
      hlo.compare(a, 'EQ', b),
      hlo.compare(a, 'LT', b),
      hlo.constant(1, 'i1', [4]),
      hlo.select(a, b, hlo.not(b)),
    ])
    assert.deepEqual(
      results.map((result) => result.join('')),
      ['0001', '0111', '0110', '1100', '1001', '0100', '1111', '1001'],
    )
  })

  it('compares numbers of f32, i32, bf16 and f16', async () => {
    const directions = { EQ: '01000', NE: '10111', GE: '01010', GT: '00010', LE: '11001', LT: '10001' } as const
    const names = Object.keys(directions) as (keyof typeof directions)[]
    for (const dtype of ['f32', 'i32', 'bf16', 'f16'] as const) {
      const [x, y] = [given([-2, 3, 0, 9, -7], [5]), given([-1, 3, 5, 1, 7], [5])]
      // The third pair is made of a NaN where there is one.
      const results = await compute(runner, [x, y], (a, b) => {
        const nan = hlo.divide(a, a)
        const withNaN = hlo.select(hlo.compare(nan, 'EQ', nan), a, nan)
        const left = hlo.convert(dtype === 'i32' ? a : withNaN, dtype)
        return names.map((name) => hlo.compare(left, name, hlo.convert(b, dtype)))
      })
      for (const [i, name] of names.entries()) {
        const bits = directions[name].split('')
        const third = dtype === 'i32' ? ['NE', 'LE', 'LT'].includes(name) : name === 'NE'
        bits[2] = third ? '1' : '0'
        assert.equal(results[i]!.join(''), bits.join(''), `${name} of ${dtype}`)
      }
    }
  })

  it('converts between types', async () => {
    const x = given([0, 1, -1.5, 2.75, 1e-3, 300.4, -65000], [7])
    const [ints, bools, bf16, f16, back] = await compute(runner, [x], (a) => [
      hlo.convert(a, 'i32'),
      hlo.convert(a, 'i1'),
      hlo.convert(a, 'bf16'),
      hlo.convert(hlo.convert(a, 'f16'), 'f32'),
      hlo.convert(hlo.convert(hlo.convert(a, 'i32'), 'i1'), 'f32'),
    ])
    assert.deepEqual([...ints!], [0, 1, -1, 2, 0, 300, -65000])
    assert.deepEqual([...bools!], [0, 1, 1, 1, 1, 1, 1])
    assert.deepEqual([...bf16!], [...float32ToBfloat16(x.values as Float32Array)])
    assertClose(f16!, x.values, 1e-3)
    assert.deepEqual([...back!], [0, 1, 1, 1, 0, 1, 1])
  })

  it('takes bits as another type of the same width', async () => {
    const floats = given([1, -2, 0.1, -0], [4])
    const [bits, again] = await compute(runner, [floats], (x) => {
      const asInts = hlo.bitcast(x, 'i32')
      return [asInts, hlo.bitcast(asInts, 'f32')]
    })
    assert.deepEqual([...bits!], [...new Int32Array(Float32Array.from(floats.values).buffer)])
    assert.deepEqual([...again!], [...floats.values])
  })

  it('makes constants of every type', async () => {
    const numbers = [0, 1, -1, 0.1, -1.5e-7, 3.25e20, 1e15, Infinity, -Infinity, 16777216]
    const ints = [0, -1, 2147483647, -2147483648]
    const results = await compute(runner, [], () => [
      hlo.constant(numbers, 'f32', [numbers.length]),
      hlo.constant(ints, 'i32', [ints.length]),
      hlo.constant([1, 0, 1], 'i1', [3]),
      hlo.constant(-Infinity, 'bf16', [2]),
      hlo.constant(Infinity, 'f16', [1]),
      hlo.constant(1.5, 'bf16', [1]),
      hlo.constant(2.5, 'f16', [2, 1]),
      hlo.constant(7, 'i32'),
    ])
    assert.deepEqual(
      results.map((result) => [...result]),
      [numbers.map(Math.fround), ints, [1, 0, 1], [0xff80, 0xff80], [0x7c00], [0x3fc0], [0x4100, 0x4100], [7]],
    )
  })

  it('counts along a dimension', async () => {
    for (const dimension of [0, 1, 2]) {
      const shape = [2, 3, 4]
      const values = await run([], () => hlo.iota(dimension, shape))
      assert.deepEqual(
        values,
        indexesOf(shape).map((index) => index[dimension]!),
      )
    }
    assert.deepEqual(await run([], () => hlo.iota(0, [3], 'f32')), [0, 1, 2])
  })

  it('moves numbers of every type: reshape, broadcast, transpose, slice, pad, concatenate', async () => {
    for (const dtype of ['f32', 'i32', 'bf16', 'f16', 'i1'] as const) {
      const x = counting([2, 3, 4], dtype)
      if (dtype === 'i1') x.values.forEach((_, i) => (x.values[i] = (i * i) % 3))
      const whole = (build: (x: Node) => Node): Promise<number[]> => run([x], build)

      assert.deepEqual(await whole((a) => hlo.reshape(a, [4, 1, 6])), [...x.values])
      const spread = await whole((a) => hlo.broadcast(a, [4, 5, 2, 3], [2, 3, 0]))
      assert.deepEqual(
        spread,
        moved(x, [4, 5, 2, 3], ([i, , k, l]) => [k!, l!, i!]),
      )
      const turned = await whole((a) => hlo.transpose(a, [2, 0, 1]))
      assert.deepEqual(
        turned,
        moved(x, [4, 2, 3], ([i, j, k]) => [j!, k!, i!]),
      )
      const part = await whole((a) => hlo.slice(a, [1, 0, 2], [2, 3, 4]))
      assert.deepEqual(
        part,
        moved(x, [1, 3, 2], ([i, j, k]) => [i! + 1, j!, k! + 2]),
      )
      const middle = await whole((a) => hlo.sliceAlong(a, 1, 1, 3))
      assert.deepEqual(
        middle,
        moved(x, [2, 2, 4], ([i, j, k]) => [i!, j! + 1, k!]),
      )
      const padded = await whole((a) => hlo.pad(a, [0, 1, 2], [1, 0, 3]))
      assert.deepEqual(
        padded,
        moved(x, [3, 4, 9], ([i, j, k]) => (i! < 2 && j! >= 1 && k! >= 2 && k! < 6 ? [i!, j! - 1, k! - 2] : null)),
      )
      const joined = await whole((a) => hlo.concatenate([a, hlo.sliceAlong(a, 1, 2, 3), a], 1))
      assert.deepEqual(
        joined,
        moved(x, [2, 7, 4], ([i, j, k]) => [i!, [0, 1, 2, 2, 0, 1, 2][j!]!, k!]),
      )
    }
  })

  it('repeats an array along rows and columns', async () => {
    const [rows, columns] = [counting([2]), counting([3])]
    assert.deepEqual(await run([rows], (x) => hlo.repeatRows(x, [2, 3])), [1, 1, 1, 2, 2, 2])
    assert.deepEqual(await run([columns], (x) => hlo.repeatColumns(x, [2, 3])), [1, 2, 3, 1, 2, 3])
  })

  it('reduces along any dimensions', async () => {
    const x = given(randomInts(60, 3), [3, 4, 5], 'i32')
    for (const dimensions of [[], [0], [1], [2], [0, 2], [2, 0], [0, 1, 2]]) {
      const groups = new Map<string, number[]>()
      for (const index of indexesOf(x.shape)) {
        const key = index.filter((_, i) => !dimensions.includes(i)).join()
        groups.set(key, [...(groups.get(key) ?? []), x.values[offsetOf(index, x.shape)]!])
      }
      const expected = (of: (group: number[]) => number): number[] => [...groups.values()].map(of)
      const sums = expected((group) => group.reduce((a, b) => a + b, 0))
      const maxima = expected((group) => Math.max(...group))
      const results = await compute(runner, [x], (a) => [
        hlo.sum(a, dimensions),
        hlo.largest(a, dimensions),
        hlo.sum(hlo.convert(a, 'f32'), dimensions),
        hlo.largest(hlo.convert(a, 'f32'), dimensions),
        hlo.convert(hlo.largest(hlo.convert(a, 'bf16'), dimensions), 'f32'),
      ])
      const name = `along [${dimensions.join()}]`
      assert.deepEqual(
        results.map((result) => [...result]),
        [sums, maxima, sums, maxima, maxima],
        name,
      )
    }
  })

  it('multiplies with every layout of batch and contracted dimensions', async () => {
    const layouts: [left: number[], right: number[], dimensions: Parameters<typeof hlo.dot>[2]][] = [
      [[3, 5], [5, 2], { contract: [[1], [0]] }],
      [[3, 5], [2, 5], { contract: [[1], [1]] }],
      [[5, 3], [5, 2], { contract: [[0], [0]] }],
      [[3], [2], { contract: [[], []] }],
      [[5], [5], { contract: [[0], [0]] }],
      [[2, 3, 5], [2, 5, 4], { batch: [[0], [0]], contract: [[2], [1]] }],
      [[3, 5, 2], [4, 2, 5], { batch: [[2], [1]], contract: [[1], [2]] }],
      [[3, 5, 7], [7, 2, 5], { contract: [[2, 1], [0, 2]] }],
      [[2, 3, 4, 5], [3, 5, 2, 6], { batch: [[1, 0], [0, 2]], contract: [[3], [1]] }],
    ] // prettier-ignore
    for (const [leftShape, rightShape, dimensions] of layouts) {
      const [left, right] = [leftShape, rightShape].map((shape, i) =>
        given(
          randomInts(
            shape.reduce((a, b) => a * b, 1),
            i + 1,
          ),
          shape,
        ),
      ) as [Given, Given]
      const name = `${leftShape.join('x')} and ${rightShape.join('x')}`
      assert.deepEqual(
        await run([left, right], (a, b) => hlo.dot(a, b, dimensions)),
        product(left, right, dimensions),
        name,
      )
    }
  })

  it('multiplies halves with sums of single precision', async () => {
    for (const dtype of ['bf16', 'f16'] as const) {
      const [left, right] = [given(randomInts(6 * 300, 1), [6, 300]), given(randomInts(5 * 300, 2), [5, 300])]
      const dimensions = { contract: [[1], [1]] } as const
      // The factors are exact in both types, and the sums are in single precision only.
      const values = await run([left, right], (a, b) =>
        hlo.dot(hlo.convert(a, dtype), hlo.convert(b, dtype), dimensions),
      )
      assert.deepEqual(values, product(left, right, dimensions), dtype)
      const [rounded] = await compute(runner, [left, right], (a, b) => [
        hlo.dot(hlo.convert(a, dtype), hlo.convert(b, dtype), dimensions, dtype),
      ])
      assert.equal(rounded!.BYTES_PER_ELEMENT, 2)
    }
  })

  /** Types of numbers. */
  const numberTypes = ['f32', 'i32', 'bf16', 'f16'] as const

  it('takes rows of arrays of each type', async () => {
    const rows = given([3, 0, 3], [3], 'i32')
    for (const dtype of numberTypes) {
      const table = counting([4, 2, 3], dtype)
      assert.deepEqual(
        await run([table, rows], (x, i) => hlo.takeRows(x, i)),
        moved(table, [3, 2, 3], ([i, j, k]) => [[3, 0, 3][i!]!, j!, k!]),
        dtype,
      )
      assert.deepEqual(await run([counting([5], dtype), rows], (x, i) => hlo.takeRows(x, i)), [4, 1, 4])
    }
  })

  it('adds to rows, to some of them several times', async () => {
    const rows = given([3, 0, 3], [3], 'i32')
    for (const dtype of numberTypes) {
      const [sums] = await compute(runner, [counting([4, 2]), rows, counting([3, 2])], (x, i, values) => [
        hlo.convert(hlo.addRows(hlo.convert(x, dtype), i, hlo.convert(values, dtype)), 'f32'),
      ])
      assert.deepEqual([...sums!], [1 + 3, 2 + 4, 3, 4, 5, 6, 7 + 1 + 5, 8 + 2 + 6], dtype)
    }
  })

  it('puts values of each type at places that axes of the table say', async () => {
    for (const dtype of numberTypes) {
      const shape = [2, 3, 4]
      const table = given(new Float32Array(24), shape, dtype)
      const oneAxis = await run([table, given([1], [1, 1], 'i32'), counting([1, 3, 4], dtype)], (x, i, values) =>
        hlo.putRows(x, i, values, [0]),
      )
      assert.deepEqual(oneAxis, [...new Float32Array(12), ...counting([12]).values], dtype)

      const places = given([0, 2, 1, 0], [2, 2], 'i32')
      const twoAxes = await run([table, places, counting([2, 4], dtype)], (x, i, values) =>
        hlo.putRows(x, i, values, [0, 1]),
      )
      assert.deepEqual(twoAxes, [...new Float32Array(8), 1, 2, 3, 4, 5, 6, 7, 8, ...new Float32Array(8)], dtype)

      // Axes with one between them, as the rows and the places of a cache with heads in between.
      const outer = await run([table, places, counting([2, 3], dtype)], (x, i, values) =>
        hlo.putRows(x, i, values, [0, 2]),
      )
      const expected = new Float32Array(24)
      for (const j of [0, 1, 2]) {
        expected[offsetOf([0, j, 2], shape)] = j + 1
        expected[offsetOf([1, j, 0], shape)] = j + 4
      }
      assert.deepEqual(outer, [...expected], dtype)
    }
  })

  it('takes and replaces a part of arrays of each type whose place is computed', async () => {
    const at = given([1], [], 'i32')
    for (const dtype of numberTypes) {
      const x = counting([3, 4], dtype)
      assert.deepEqual(await run([x, at], (a, i) => hlo.dynamicSlice(a, [i, 2], [2, 2])), [7, 8, 11, 12], dtype)
      assert.deepEqual(await run([x, at], (a, i) => hlo.entryOf(a, i)), [5, 6, 7, 8], dtype)
      // What would reach beyond the end is moved inside, as XLA defines it.
      assert.deepEqual(await run([x, at], (a, i) => hlo.dynamicSlice(a, [hlo.add(i, 5), i], [1, 2])), [10, 11], dtype)

      assert.deepEqual(
        await run([x, at, given([21, 22], [1, 2], dtype)], (a, i, values) => hlo.dynamicUpdate(a, values, [i, i])),
        [1, 2, 3, 4, 5, 21, 22, 8, 9, 10, 11, 12],
        dtype,
      )
      assert.deepEqual(
        await run([x, at, given([0, 21, 22, 23], [4], dtype)], (a, i, values) => hlo.withEntry(a, values, i)),
        [1, 2, 3, 4, 0, 21, 22, 23, 9, 10, 11, 12],
        dtype,
      )
    }
  })

  it('computes with sizes of 0 and 1', async () => {
    const none = given([], [0, 3])
    assert.deepEqual(await run([none], (x) => hlo.exponential(x)), [])
    assert.deepEqual(await run([none], (x) => hlo.sum(x, [0])), [0, 0, 0])
    assert.deepEqual(await run([none], (x) => hlo.largest(x, [0])), [-Infinity, -Infinity, -Infinity])
    assert.deepEqual(await run([none, counting([3, 2])], (x, y) => hlo.dot(x, y, { contract: [[1], [0]] })), [])
    assert.deepEqual(await run([counting([1, 1])], (x) => hlo.reshape(x, [])), [1])
  })

  it('gives an input as it is, an output twice, and the memory of an input to an output', async () => {
    const x = counting([3])
    const results = await compute(runner, [x], (a) => [a, hlo.add(a, 1), hlo.add(a, 1), a])
    assert.deepEqual(results.map((result) => [...result]), [[1, 2, 3], [2, 3, 4], [2, 3, 4], [1, 2, 3]]) // prettier-ignore

    const [kept, given] = [hlo.argument('f32', [3]), hlo.argument('f32', [3])]
    const program = printProgram({
      name: 'donating',
      inputs: [kept, given],
      outputs: [hlo.negate(kept), hlo.add(kept, given)],
      donated: new Map([[given, 1]]),
    })
    const executable = await runner.compile(program)
    const [a, b] = [runner.upload(Float32Array.of(1, 2, 3), kept), runner.upload(Float32Array.of(10, 20, 30), given)]
    const [negated, sum] = runner.execute(executable, [a, b]) as [typeof a, typeof a]
    assert.deepEqual([a.isAlive, b.isAlive], [true, false])
    assert.deepEqual([...(await runner.read(negated))], [-1, -2, -3])
    assert.deepEqual([...(await runner.read(sum))], [11, 22, 33])
    runner.free(a, negated, sum)
  })
})

/** A product in plain JavaScript. */
function product(left: Given, right: Given, { batch = [[], []], contract }: Parameters<typeof hlo.dot>[2]): number[] {
  const rest = (x: Given, side: 0 | 1): number[] =>
    x.shape.map((_, i) => i).filter((i) => !batch[side].includes(i) && !contract[side].includes(i))
  const [leftRest, rightRest] = [rest(left, 0), rest(right, 1)]
  const sizes = (x: Given, dimensions: readonly number[]): number[] => dimensions.map((i) => x.shape[i]!)
  const shape = [...sizes(left, batch[0]), ...sizes(left, leftRest), ...sizes(right, rightRest)]
  const inner = indexesOf(sizes(left, contract[0]))
  return indexesOf(shape).map((index) => {
    const common = index.slice(0, batch[0].length)
    const ofLeft = index.slice(common.length, common.length + leftRest.length)
    const ofRight = index.slice(common.length + leftRest.length)
    const at = (x: Given, places: readonly (readonly [readonly number[], readonly number[]])[]): number => {
      const whole: number[] = []
      for (const [dimensions, values] of places) dimensions.forEach((dimension, i) => (whole[dimension] = values[i]!))
      return x.values[offsetOf(whole, x.shape)]!
    }
    return inner.reduce((sum, summed) => {
      const a = at(left, [[batch[0], common], [leftRest, ofLeft], [contract[0], summed]]) // prettier-ignore
      const b = at(right, [[batch[1], common], [rightRest, ofRight], [contract[1], summed]]) // prettier-ignore
      return sum + a * b
    }, 0)
  })
}

describe('xla/graph: what operations refuse', () => {
  const [x, y] = [hlo.argument('f32', [2, 3]), hlo.argument('f32', [3, 2])]
  const ints = hlo.argument('i32', [2, 3])
  const index = hlo.argument('i32', [])
  const refusals: [title: string, make: () => Node, message: RegExp][] = [
    ['arrays of different shapes', () => hlo.add(x, y), /^add: tensor<2x3xf32> and tensor<3x2xf32> are of different shapes/],
    ['arrays of different types', () => hlo.multiply(x, ints), /^multiply: tensor<2x3xf32> and tensor<2x3xi32> are of different types/],
    ['two numbers', () => hlo.add(1, 2), /^add: of two numbers none says the shape/],
    ['comparing different shapes', () => hlo.compare(x, 'LT', y), /^compare LT: .* different shapes/],
    ['a condition of another shape', () => hlo.select(hlo.compare(y, 'LT', 0), x, 0), /^select: .* different shapes/],
    ['a condition that is none', () => hlo.select(ints, x, 0), /^select: .*tensor<2x3xi32>.*i1/],
    ['a list of another length', () => hlo.constant([1, 2], 'f32', [3]), /list of 2 numbers was given the shape \[3\]/],
    ['a list with two dimensions', () => hlo.constant([1, 2], 'f32', [1, 2]), /list of 2 numbers was given the shape \[1, 2\]/],
    ['counting along no dimension', () => hlo.iota(2, [2, 3]), /^iota: .* dimension 2/],
    ['a shape with other numbers', () => hlo.reshape(x, [4]), /^reshape: tensor<2x3xf32> does not have the numbers of \[4\]/],
    ['bits of another width', () => hlo.bitcast(x, 'bf16'), /^bitcast: tensor<2x3xf32> .*bf16/],
    ['repeating along dimensions of other sizes', () => hlo.broadcast(x, [3, 2], [0, 1]), /^broadcast: tensor<2x3xf32> to \[3, 2\]/],
    ['repeating along too few dimensions', () => hlo.broadcast(x, [2, 3], [0]), /^broadcast: /],
    ['repeating along one dimension twice', () => hlo.broadcast(hlo.argument('f32', [2, 2]), [2, 2], [0, 0]), /^broadcast: /],
    ['exchanging dimensions that are not there', () => hlo.transpose(x, [0, 2]), /^transpose: tensor<2x3xf32> by \[0, 2\]/],
    ['exchanging too few dimensions', () => hlo.transpose(x, [1]), /^transpose: /],
    ['exchanging a dimension with itself and another', () => hlo.transpose(x, [0, 0]), /^transpose: /],
    ['a slice beyond the end', () => hlo.slice(x, [0, 0], [2, 4]), /^slice: \[0, 0\] to \[2, 4\] of tensor<2x3xf32>/],
    ['a slice that ends before it starts', () => hlo.slice(x, [0, 2], [2, 1]), /^slice: /],
    ['a slice of too few dimensions', () => hlo.slice(x, [0], [1]), /^slice: /],
    ['a slice along a dimension that is not there', () => hlo.sliceAlong(x, 2, 0, 1), /^slice.*: .*dimension 2/],
    ['padding of too few dimensions', () => hlo.pad(x, [1], [1]), /^pad: tensor<2x3xf32>/],
    ['no arrays', () => hlo.concatenate([], 0), /^concatenate: there are no arrays/],
    ['arrays that do not fit behind each other', () => hlo.concatenate([x, y], 0), /^concatenate along 0: tensor<2x3xf32>, tensor<3x2xf32>/],
    ['arrays of different types behind each other', () => hlo.concatenate([x, ints], 0), /^concatenate along 0/],
    ['arrays along a dimension that is not there', () => hlo.concatenate([x, x], 2), /^concatenate along 2/],
    ['sums along a dimension that is not there', () => hlo.sum(x, [2]), /^sum: .*tensor<2x3xf32>.*\[2\]/],
    ['maxima along a dimension twice', () => hlo.largest(x, [1, 1]), /^largest: /],
    ['products of sides that do not fit', () => hlo.dot(x, x, { contract: [[1], [0]] }), /^dot: tensor<2x3xf32> and tensor<2x3xf32> do not fit/],
    ['products of different types', () => hlo.dot(x, hlo.convert(y, 'bf16'), { contract: [[1], [0]] }), /^dot: /],
    ['products with a dimension without partner', () => hlo.dot(x, y, { contract: [[1], []] }), /^dot: /],
    ['products with a partner without dimension', () => hlo.dot(x, y, { contract: [[], [0]] }), /^dot: /],
    ['rows by numbers that are no integers', () => hlo.takeRows(x, hlo.argument('f32', [2])), /^takeRows: /],
    ['rows of a scalar', () => hlo.takeRows(index, hlo.argument('i32', [2])), /^takeRows: /],
    ['rows of another width', () => hlo.addRows(x, hlo.argument('i32', [1]), hlo.argument('f32', [1, 2])), /^addRows: /],
    ['rows of another number', () => hlo.addRows(x, hlo.argument('i32', [2]), hlo.argument('f32', [1, 3])), /^addRows: /],
    ['values of another type', () => hlo.addRows(x, hlo.argument('i32', [1]), hlo.argument('i32', [1, 3])), /^addRows: /],
    ['places that say too little', () => hlo.putRows(x, hlo.argument('i32', [1, 1]), hlo.argument('f32', [1]), [0, 1]), /^putRows: /],
    ['values that do not fit to the places', () => hlo.putRows(x, hlo.argument('i32', [1, 1]), hlo.argument('f32', [1, 2]), [0]), /^putRows: /],
    ['a computed place of too few dimensions', () => hlo.dynamicSlice(x, [index], [1, 1]), /^dynamicSlice: /],
    ['a computed place that is no integer', () => hlo.dynamicSlice(x, [hlo.argument('f32', []), 0], [1, 1]), /^dynamicSlice: /],
    ['a part larger than the whole', () => hlo.dynamicSlice(x, [index, 0], [3, 1]), /^dynamicSlice: /],
    ['a replacement of other type', () => hlo.dynamicUpdate(x, hlo.argument('i32', [1, 1]), [0, 0]), /^dynamicUpdate: tensor<1x1xi32> does not fit into tensor<2x3xf32>/],
    ['a replacement that is larger', () => hlo.dynamicUpdate(x, hlo.argument('f32', [3, 1]), [0, 0]), /^dynamicUpdate: /],
    ['a replacement without place', () => hlo.dynamicUpdate(x, hlo.argument('f32', [1, 1]), [0]), /^dynamicUpdate: /],
  ] // prettier-ignore
  for (const [title, make, message] of refusals) {
    it(title, () => {
      assert.throws(make, (error: Error) => {
        assert.ok(error instanceof ShapeError)
        assert.match(error.message, message)
        return true
      })
    })
  }

  it('constants that are NaN', () => {
    assert.throws(() => printProgram({ name: 'nan', inputs: [], outputs: [hlo.constant(NaN, 'f32')] }), GrpoError)
  })

  it('arguments that are none of the program', () => {
    assert.throws(
      () => printProgram({ name: 'missing', inputs: [x], outputs: [hlo.negate(y)] }),
      /a program reads tensor<3x2xf32>, which is none of its arguments/,
    )
  })
})
