import assert from 'node:assert/strict'
import { ShapeError, UnsupportedError } from '../../../src/errors.js'
import { gradients } from '../../../src/xla/graph/gradients.js'
import { countedLoop } from '../../../src/xla/graph/loop.js'
import type { Node } from '../../../src/xla/graph/node.js'
import * as hlo from '../../../src/xla/graph/operations.js'
import type { Runner } from '../../../src/xla/runtime/runner.js'
import { sizeOf } from '../../../src/xla/types.js'
import type { HostArray } from '../../../src/xla/types.js'
import { assertClose, randomValues } from '../../ops/suite.js'
import { compile, compute, given } from '../compute.js'
import type { Given } from '../compute.js'
import { requireRunner } from '../plugin.js'

type Build = (...nodes: Node[]) => Node | Node[]

/** Random numbers, or their absolute values and a little more. */
function randomGiven(shape: readonly number[], seed: number, isPositive = false): Given {
  const values = randomValues(sizeOf(shape), seed, 2)
  return given(isPositive ? values.map((x) => Math.abs(x) + 0.3) : values, shape)
}

/**
 * Checks the gradients of Σ c · y with fixed random c for the inputs of f32 against central differences: the results are those of
 * the program, their weighted sum is taken in double precision.
 */
async function checkGradients(runner: Runner, inputs: readonly Given[], build: Build, what: string): Promise<void> {
  const outputsOf = (nodes: Node[]): Node[] => [build(...nodes)].flat()
  const weightsOf = (i: number, size: number): Float32Array => randomValues(size, 100 + i)
  const forward = await compile(runner, inputs, (...nodes) => outputsOf(nodes))
  const loss = (results: readonly HostArray[]): number =>
    results.reduce((total, result, i) => {
      const weights = weightsOf(i, result.length)
      return weights.reduce((sum, weight, j) => sum + weight * result[j]!, total)
    }, 0)
  const isVariable = ({ dtype }: Given): boolean => dtype === 'f32'
  const computed = await compute(runner, inputs, (...nodes) => {
    const ys = outputsOf(nodes)
    const dys = ys.map((y, i) => {
      const size = sizeOf(y.shape)
      return hlo.reshape(hlo.constant([...weightsOf(i, size)], 'f32', [size]), y.shape)
    })
    const variables = nodes.filter((_, i) => isVariable(inputs[i]!))
    return gradients(ys, dys, variables)
  })
  const step = 2 ** -7
  for (const [number, variable] of inputs.filter(isVariable).entries()) {
    const differences: number[] = []
    for (const i of variable.values.keys()) {
      const at = async (shift: number): Promise<number> => {
        const shifted = { ...variable, values: variable.values.slice() }
        shifted.values[i]! += shift
        return loss(await forward(inputs.map((input) => (input === variable ? shifted : input))))
      }
      differences.push(((await at(step)) - (await at(-step))) / (2 * step))
    }
    assertClose(computed[number]!, differences, 2e-3, `${what}: gradient ${number}`)
  }
}

describe('xla/graph: gradients', () => {
  let runner: Runner
  before(async function () {
    runner = await requireRunner(this)
  })
  const check = (inputs: readonly Given[], build: Build, what: string): Promise<void> =>
    checkGradients(runner, inputs, build, what)

  it('of functions of one array', async () => {
    const any = randomGiven([3, 4], 1)
    const positive = randomGiven([3, 4], 2, true)
    await check([any], hlo.negate, 'negate')
    await check([any], hlo.exponential, 'exponential')
    await check([any], hlo.logistic, 'logistic')
    await check([any], (x) => hlo.multiply(hlo.barrier(x), x), 'barrier')
    await check([positive], hlo.log, 'log')
    await check([positive], hlo.rsqrt, 'rsqrt')
  })

  it('of functions of two arrays, numbers and the same array twice', async () => {
    const [x, y] = [randomGiven([3, 4], 1), randomGiven([3, 4], 2, true)]
    await check([x, y], hlo.add, 'add')
    await check([x, y], hlo.subtract, 'subtract')
    await check([x, y], hlo.multiply, 'multiply')
    await check([x, y], hlo.divide, 'divide')
    await check([y], (a) => [hlo.divide(2, a), hlo.subtract(1, a), hlo.multiply(a, -3), hlo.divide(a, 4)], 'numbers')
    await check(
      [y],
      (a) => [hlo.multiply(a, a), hlo.add(a, a), hlo.subtract(a, a), hlo.divide(a, hlo.add(a, a))],
      'twice',
    )
  })

  it('of both sides of a choice', async () => {
    const [x, y] = [randomGiven([3, 4], 1), randomGiven([3, 4], 2)]
    const condition = given([1, 0, 0, 1, 1, 1, 0, 0, 1, 0, 1, 0], [3, 4], 'i1')
    await check([x, y, condition], (a, b, c) => hlo.select(c, hlo.multiply(a, b), b), 'select')
    await check([x, condition], (a, c) => [hlo.select(c, a, 0), hlo.select(c, -1, a)], 'select with numbers')
  })

  it('of what moves numbers', async () => {
    const x = randomGiven([2, 3, 4], 1)
    await check([x], (a) => hlo.reshape(a, [4, 1, 6]), 'reshape')
    await check([x], (a) => [hlo.transpose(a, [1, 2, 0]), hlo.transpose(a, [2, 0, 1])], 'transpose')
    await check([x], (a) => hlo.slice(a, [1, 0, 2], [2, 3, 3]), 'slice')
    await check([x], (a) => [hlo.sliceAlong(a, 1, 0, 2), hlo.sliceAlong(a, 1, 1, 3)], 'slices that overlap')
    await check([x], (a) => hlo.pad(a, [0, 1, 2], [1, 0, 3]), 'pad')
    const other = randomGiven([2, 2, 4], 2)
    await check([x, other], (a, b) => hlo.concatenate([a, b, a], 1), 'concatenate')
  })

  it('of repeating along any dimensions, in any order', async () => {
    const x = randomGiven([2, 3], 1)
    const shapes: [shape: number[], dimensions: number[]][] = [
      [[2, 3], [0, 1]],
      [[3, 2], [1, 0]],
      [[2, 5, 3], [0, 2]],
      [[3, 4, 2], [2, 0]],
      [[5, 3, 4, 2], [3, 1]],
    ] // prettier-ignore
    for (const [shape, dimensions] of shapes) {
      await check([x], (a) => hlo.broadcast(a, shape, dimensions), `[${shape.join()}] along [${dimensions.join()}]`)
    }
    await check([randomGiven([2, 3, 4], 2)], (a) => hlo.broadcast(a, [4, 2, 5, 3], [1, 3, 0]), 'three, turned around')
    await check([randomGiven([], 3)], (a) => hlo.broadcast(a, [2, 3], []), 'a scalar')
  })

  it('of sums along any dimensions', async () => {
    const x = randomGiven([2, 3, 4], 1)
    for (const dimensions of [[], [0], [1], [2], [0, 2], [2, 1], [0, 1, 2]]) {
      await check([x], (a) => hlo.sum(a, dimensions), `sum along [${dimensions.join()}]`)
    }
  })

  it('of rows of a table, some of them taken several times', async () => {
    const rows = given([3, 0, 3, 3, 1], [5], 'i32')
    await check([randomGiven([4, 3], 1), rows], (x, i) => hlo.takeRows(x, i), 'rows')
    await check([randomGiven([4, 2, 3], 1), rows], (x, i) => hlo.takeRows(x, i), 'rows of matrices')
    await check([randomGiven([4], 1), rows], (x, i) => hlo.takeRows(x, i), 'numbers')
  })

  it('of products with every layout of batch and contracted dimensions', async () => {
    const layouts: [left: number[], right: number[], dimensions: Parameters<typeof hlo.dot>[2]][] = [
      [[3, 4], [4, 2], { contract: [[1], [0]] }],
      [[3, 4], [2, 4], { contract: [[1], [1]] }],
      [[4, 3], [4, 2], { contract: [[0], [0]] }],
      [[3], [2], { contract: [[], []] }],
      [[5], [5], { contract: [[0], [0]] }],
      [[2, 3, 5], [2, 5, 4], { batch: [[0], [0]], contract: [[2], [1]] }],
      [[3, 5, 2], [4, 2, 5], { batch: [[2], [1]], contract: [[1], [2]] }],
      [[3, 5, 4], [4, 2, 5], { contract: [[2, 1], [0, 2]] }],
      [[3, 5, 4], [5, 2, 4], { contract: [[2, 1], [2, 0]] }],
      [[2, 3, 2, 5], [3, 5, 2, 2], { batch: [[1, 0], [0, 2]], contract: [[3], [1]] }],
      [[2, 3, 2, 5], [2, 5, 2, 3], { batch: [[0, 2], [2, 0]], contract: [[1, 3], [3, 1]] }],
    ] // prettier-ignore
    for (const [left, right, dimensions] of layouts) {
      const inputs = [randomGiven(left, 1), randomGiven(right, 2)]
      await check(inputs, (a, b) => hlo.dot(a, b, dimensions), `${left.join('x')} and ${right.join('x')}`)
    }
    await check([randomGiven([3, 3], 1)], (a) => hlo.dot(a, a, { contract: [[0], [1]] }), 'an array with itself')
  })

  it('of several results, several uses of a node, and chains', async () => {
    const [x, w] = [randomGiven([3, 4], 1), randomGiven([5, 4], 2)]
    await check(
      [x, w],
      (a, b) => {
        const y = hlo.dot(a, b, { contract: [[1], [1]] })
        const gate = hlo.multiply(y, hlo.logistic(y))
        const mean = hlo.multiply(hlo.sum(hlo.multiply(gate, gate), [1]), 1 / 5)
        const norm = hlo.multiply(gate, hlo.repeatRows(hlo.rsqrt(hlo.add(mean, 1e-5)), gate.shape))
        const e = hlo.exponential(norm)
        const p = hlo.divide(e, hlo.repeatRows(hlo.sum(e, [1]), e.shape))
        return [p, hlo.dot(p, b, { contract: [[1], [0]] }), a, hlo.log(p)]
      },
      'chain',
    )
  })

  it('through types of less precision, of the type of each variable', async () => {
    const [x, w] = [randomGiven([6, 16], 1), randomGiven([5, 16], 2)]
    const dimensions = { contract: [[1], [1]] } as const
    for (const dtype of ['bf16', 'f16'] as const) {
      const results = await compute(runner, [x, w], (a, b) => {
        const [halfA, halfB] = [hlo.convert(a, dtype), hlo.convert(b, dtype)]
        const one = hlo.constant(1, 'f32', [6, 5])
        const ofHalves = gradients([hlo.dot(halfA, halfB, dimensions)], [one], [a, b])
        const inner = gradients([hlo.dot(halfA, halfB, dimensions)], [one], [halfA])
        assert.deepEqual(
          [...ofHalves, ...inner].map((node) => node.dtype),
          ['f32', 'f32', dtype],
        )
        const exact = gradients([hlo.dot(a, b, dimensions)], [one], [a, b])
        return [...ofHalves, ...exact]
      })
      // Factors are rounded to 8 bits of mantissa, sums are not; a gradient is rounded once more.
      for (const i of [0, 1]) assertClose(results[i]!, results[i + 2]!, 2 ** -7, `${dtype}, gradient ${i}`)
    }
  })

  it('of variables that decide nothing, that are results, that lie on the way, and behind detached nodes', async () => {
    const [x, unused] = [given([1, 2, 3], [3]), given([1, 1], [2])]
    const results = await compute(runner, [x, unused], (a, b) => {
      const square = hlo.multiply(a, a)
      const y = hlo.multiply(square, 3)
      const dy = hlo.constant(1, 'f32', [3])
      return [
        ...gradients([y], [dy], [a, b]),
        ...gradients([a, y, y], [dy, dy, dy], [a]),
        ...gradients([y], [dy], [square]),
        ...gradients([hlo.multiply(hlo.detach(square), a)], [dy], [a]),
      ]
    })
    assert.deepEqual(
      results.map((result) => [...result]),
      [[6, 12, 18], [0, 0], [13, 25, 37], [3, 3, 3], [1, 4, 9]], // prettier-ignore
    )
  })
})

describe('xla/graph: what gradients refuse', () => {
  const x = hlo.argument('f32', [3])
  const index = hlo.argument('i32', [])
  const one = hlo.constant(1, 'f32', [3])
  const loss = (y: Node): Node => (y.shape.length === 0 ? hlo.broadcast(y, [3], []) : y)
  const refusals: [operation: string, y: Node][] = [
    ['while', countedLoop(2, [x], (_, [state]) => [hlo.add(state!, state!)])[0]!],
    ['largest', loss(hlo.largest(x, [0]))],
    ['maximum', hlo.maximum(x, 0)],
    ['minimum', hlo.minimum(x, 0)],
    ['abs', hlo.abs(x)],
    ['floor', hlo.floor(x)],
    ['dynamicSlice', hlo.dynamicSlice(x, [index], [3])],
    ['dynamicUpdate', hlo.dynamicUpdate(x, x, [index])],
    ['addRows', hlo.addRows(x, hlo.argument('i32', [3]), x)],
    ['putRows', hlo.putRows(x, hlo.argument('i32', [3, 1]), x, [0])],
    ['bitcast', hlo.bitcast(hlo.bitcast(x, 'i32'), 'f32')],
  ]
  for (const [operation, y] of refusals) {
    it(`the operation ${operation}`, () => {
      assert.throws(
        () => gradients([y], [one], [x]),
        (error: Error) => {
          assert.ok(error instanceof UnsupportedError)
          assert.equal(error.message, `the operation ${operation} of a program has no gradient`)
          return true
        },
      )
      // Where no variable lies behind it, nothing is refused.
      const [gradient] = gradients([hlo.add(y, hlo.negate(one))], [one], [one])
      assert.equal(gradient!.operation.kind, 'unary')
    })
  }

  it('gradients of results that are of another type or number', () => {
    const y = hlo.negate(x)
    for (const dys of [[], [one, one], [hlo.constant(1, 'f32', [2])], [hlo.constant(1, 'bf16', [3])]]) {
      assert.throws(() => gradients([y], dys, [x]), ShapeError)
    }
  })
})
