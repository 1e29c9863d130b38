import assert from 'node:assert/strict'
import { ShapeError } from '../../../src/errors.js'
import { gradients } from '../../../src/xla/graph/gradients.js'
import { countedLoop, loop } from '../../../src/xla/graph/loop.js'
import type { Node } from '../../../src/xla/graph/node.js'
import * as hlo from '../../../src/xla/graph/operations.js'
import { printProgram } from '../../../src/xla/graph/print.js'
import type { Runner } from '../../../src/xla/runtime/runner.js'
import { assertClose } from '../../ops/suite.js'
import { compute, given } from '../compute.js'
import type { Given } from '../compute.js'
import { requireRunner } from '../plugin.js'

describe('xla/graph: loops', () => {
  let runner: Runner
  before(async function () {
    runner = await requireRunner(this)
  })

  const run = async (inputs: readonly Given[], build: (...nodes: Node[]) => readonly Node[]): Promise<number[][]> => {
    const results = await compute(runner, inputs, build)
    return results.map((result) => [...result])
  }
  const integer = (value: number): Given => given([value], [], 'i32')

  it('changes its state as often as it is told to', async () => {
    for (const count of [0, 1, 7]) {
      const sums = await run([integer(count)], (limit) => [
        ...countedLoop(count, [hlo.constant(0, 'i32')], (i, [sum]) => [hlo.add(sum!, i)]),
        ...countedLoop(limit, [hlo.constant(0, 'i32')], (i, [sum]) => [hlo.add(sum!, i)]),
      ])
      const expected = (count * Math.max(0, count - 1)) / 2
      assert.deepEqual(sums, [[expected], [expected]])
    }
  })

  it('goes on as long as its condition holds, which reads an argument', async () => {
    const doubled = await run([given([1, 3], [2]), given([100], [])], (x, limit) =>
      loop(
        [x],
        ([state]) => hlo.compare(hlo.largest(state!, [0]), 'LT', limit),
        ([state]) => [hlo.multiply(state!, 2)],
      ),
    )
    assert.deepEqual(doubled, [[64, 192]])
  })

  it('keeps states of every type, and those that do not change or exchange their places', async () => {
    const inputs = [
      given([1, 2], [2]),
      given([3, 4], [2]),
      given([1, 0], [2], 'i1'),
      given([0x3f80], [1], 'bf16'),
      given([0x3c00], [1], 'f16'),
    ]
    const results = await run(inputs, (a, b, flags, half, other) => {
      const states = countedLoop(3, [a, b, flags, half, other, a], (_, [x, y, f, h, o, kept]) => [
        y!,
        x!,
        hlo.not(f!),
        hlo.add(h!, h!),
        hlo.add(o!, o!),
        kept!,
      ])
      return states
    })
    assert.deepEqual(results, [[3, 4], [1, 2], [0, 1], [0x4100], [0x4800], [1, 2]])
  })

  it('reads arguments, and what is computed outside, also where that is used again behind it', async () => {
    const results = await run([given([1, 2, 3], [3]), given([10], [])], (x, step) => {
      const squares = hlo.multiply(x, x)
      const [sum] = countedLoop(4, [x], (_, [state]) => [
        hlo.add(hlo.add(state!, squares), hlo.broadcast(step, [3], [])),
      ])
      return [hlo.subtract(sum!, squares), squares]
    })
    assert.deepEqual(results, [[1 + 3 * 1 + 40, 2 + 3 * 4 + 40, 3 + 3 * 9 + 40], [1, 4, 9]]) // prettier-ignore
  })

  it('takes the result of another loop', async () => {
    const results = await run([given([1], [])], (x) => {
      const [first] = countedLoop(3, [x], (_, [state]) => [hlo.multiply(state!, 2)])
      const [second] = countedLoop(2, [x], (_, [state]) => [hlo.add(state!, first!)])
      return [first!, second!]
    })
    assert.deepEqual(results, [[8], [17]])
  })

  it('nests, where the inner loop reads the state of the outer one, what depends on that, and arguments', async () => {
    const [size, outerCount, innerCount] = [3, 4, 5]
    const x = [1, 2, 3]
    const results = await run([given(x, [size]), integer(innerCount), given([0.5], [])], (a, count, factor) =>
      countedLoop(outerCount, [a, hlo.constant(0, 'i32')], (i, [state, steps]) => {
        // Depends on the state of the outer loop only, and is read by the inner one.
        const scaled = hlo.multiply(state!, hlo.broadcast(factor, [size], []))
        const outerIndex = hlo.broadcast(hlo.convert(i, 'f32'), [size], [])
        const [sum, counted] = countedLoop(count, [hlo.constant(0, 'f32', [size]), steps!], (j, [inner, step]) => {
          const index = hlo.broadcast(hlo.convert(j, 'f32'), [size], [])
          const term = hlo.add(hlo.multiply(index, a), hlo.add(scaled, outerIndex))
          return [hlo.add(inner!, term), hlo.add(step!, hlo.multiply(i, j))]
        })
        return [hlo.add(sum!, state!), counted!]
      }),
    )
    let state = x
    let steps = 0
    for (let i = 0; i < outerCount; i++) {
      const sum = new Array<number>(size).fill(0)
      for (let j = 0; j < innerCount; j++) {
        for (let k = 0; k < size; k++) sum[k]! += j * x[k]! + state[k]! * 0.5 + i
        steps += i * j
      }
      state = state.map((value, k) => value + sum[k]!)
    }
    assert.deepEqual(results, [state, [steps]])
  })

  it('nests three deep, with a loop inside that reads nothing of the others', async () => {
    const results = await run([given([1], [])], (x) =>
      countedLoop(2, [hlo.constant(0, 'f32')], (i, [outer]) =>
        countedLoop(3, [outer!], (j, [middle]) => {
          const [constant] = countedLoop(2, [x], (_, [state]) => [hlo.add(state!, 1)])
          return countedLoop(2, [middle!], (k, [inner]) => {
            const index = hlo.add(hlo.add(hlo.multiply(i, 100), hlo.multiply(j, 10)), k)
            return [hlo.add(hlo.add(inner!, hlo.convert(index, 'f32')), constant!)]
          })
        }),
      ),
    )
    let expected = 0
    for (let i = 0; i < 2; i++)
      for (let j = 0; j < 3; j++) for (let k = 0; k < 2; k++) expected += i * 100 + j * 10 + k + 3
    assert.deepEqual(results, [[expected]])
  })

  it('makes masks inside, of what is smaller, instead of carrying them', async () => {
    const [rows, columns] = [30, 40]
    const values = Array.from({ length: rows * columns }, (_, i) => (i % 11) - 5)
    const build = (x: Node, limits: Node): Node[] => {
      const shape = [rows, columns]
      const mask = hlo.compare(hlo.iota(1, shape), 'LT', hlo.repeatRows(limits, shape))
      const causal = hlo.compare(hlo.iota(1, shape), 'LE', hlo.iota(0, shape))
      const both = hlo.and(mask, causal)
      const [sum] = countedLoop(3, [x], (_, [state]) => [hlo.add(state!, hlo.select(both, state!, 0))])
      return [sum!, hlo.sum(hlo.convert(both, 'i32'), [1])]
    }
    const limits = Array.from({ length: rows }, (_, i) => (i * 7) % columns)
    const [sum, counts] = await run([given(values, [rows, columns]), given(limits, [rows], 'i32')], (x, y) =>
      build(x, y),
    )
    const isSeen = (i: number): boolean => {
      const [row, column] = [Math.floor(i / columns), i % columns]
      return column < limits[row]! && column <= row
    }
    assert.deepEqual(
      sum,
      values.map((value, i) => (isSeen(i) ? 8 * value : value)),
    )
    assert.deepEqual(
      counts,
      limits.map((limit, row) => Math.min(limit, row + 1)),
    )
    const [x, y] = [hlo.argument('f32', [rows, columns]), hlo.argument('i32', [rows])]
    const { text } = printProgram({ name: 'masks', inputs: [x, y], outputs: build(x, y) })
    const carried = /stablehlo\.while\(.*\) : (.*) cond/.exec(text)![1]
    assert.equal(carried, 'tensor<i32>, tensor<30x40xf32>, tensor<30xi32>')
  })

  it('computes gradients inside', async () => {
    // Steps of gradient descent on Σ (w · x − y)² / 2.
    const inputs = [given([1, 2, 3], [3]), given([2, 1, 0.5], [3]), given([0, 0, 0], [3])]
    const [weights] = await run(inputs, (x, y, start) =>
      countedLoop(5, [start], (_, [w]) => {
        const error = hlo.subtract(hlo.multiply(w!, x), y)
        const loss = hlo.multiply(hlo.sum(hlo.multiply(error, error), [0]), 0.5)
        const [gradient] = gradients([loss], [hlo.constant(1, 'f32')], [w!])
        return [hlo.subtract(w!, hlo.multiply(gradient!, 0.1))]
      }),
    )
    const expected = [1, 2, 3].map((x, i) => {
      let w = 0
      for (let step = 0; step < 5; step++) w -= 0.1 * (w * x - [2, 1, 0.5][i]!) * x
      return w
    })
    assertClose(weights!, expected, 1e-6)
  })
})

describe('xla/graph: what loops refuse', () => {
  const x = hlo.argument('f32', [2])
  const count = hlo.constant(0, 'i32')
  const refusals: [title: string, make: () => unknown, message: RegExp][] = [
    [
      'a state that becomes another type',
      () => countedLoop(3, [x], (_, [state]) => [hlo.convert(state!, 'bf16')]),
      /^loop: number 1 of the state is tensor<2xf32> and becomes tensor<2xbf16>/,
    ],
    [
      'a state that grows',
      () => countedLoop(3, [x], (_, [state]) => [hlo.concatenate([state!, state!], 0)]),
      /^loop: number 1 of the state is tensor<2xf32> and becomes tensor<4xf32>/,
    ],
    ['a state that is not given back', () => countedLoop(3, [x, x], (_, [state]) => [state!]), /^loop: .*3.*2/],
    ['more than the state', () => countedLoop(3, [x], (_, [state]) => [state!, x]), /^loop: .*2.*3/],
    [
      'a condition that is no truth value',
      () =>
        loop(
          [count],
          ([state]) => state!,
          (state) => state,
        ),
      /^loop: the condition is tensor<i32>, expected tensor<i1>/,
    ],
    [
      'a condition with dimensions',
      () =>
        loop(
          [x],
          ([state]) => hlo.compare(state!, 'LT', 3),
          (state) => state,
        ),
      /^loop: the condition is tensor<2xi1>, expected tensor<i1>/,
    ],
  ]
  for (const [title, make, message] of refusals) {
    it(title, () => {
      assert.throws(make, (error: Error) => {
        assert.ok(error instanceof ShapeError)
        assert.match(error.message, message)
        return true
      })
    })
  }
})
