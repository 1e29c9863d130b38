import assert from 'node:assert/strict'
import { ShapeError } from '../../../src/errors.js'
import { gradients } from '../../../src/xla/graph/gradients.js'
import type { Node } from '../../../src/xla/graph/node.js'
import * as hlo from '../../../src/xla/graph/operations.js'
import { logProbsOf, tokenLogProbs, tokenLogProbsGradient } from '../../../src/xla/programs/tokenLogProbs.js'
import type { TokenLogProbsInputs } from '../../../src/xla/programs/tokenLogProbs.js'
import { assertClose, randomValues } from '../../ops/suite.js'
import { compute, given } from '../compute.js'
import type { Given } from '../compute.js'
import { requireRunner } from '../plugin.js'

/** Log-probability of each row's target and entropy of softmax(logits / temperature), in double precision. */
function expectedOf(
  logits: ArrayLike<number>, // [n, V]
  targets: readonly number[], // [n]
  temperature = 1,
): { logProbs: number[]; entropies: number[] } {
  const vocabulary = logits.length / targets.length
  const rows = targets.map((target, row) => {
    const z = Array.from({ length: vocabulary }, (_, i) => logits[row * vocabulary + i]!)
    const peak = Math.max(...z)
    const distances = z.map((logit) => (logit - peak) / temperature)
    const logSum = Math.log(distances.reduce((sum, d) => sum + Math.exp(d), 0))
    const logP = distances.map((d) => d - logSum)
    const entropy = logP.reduce((sum, l) => (l === -Infinity ? sum : sum - Math.exp(l) * l), 0)
    return { logProb: logP[target]!, entropy }
  })
  return { logProbs: rows.map(({ logProb }) => logProb), entropies: rows.map(({ entropy }) => entropy) }
}

/** Hidden states, head, targets, temperature, and gradients of both results. */
function randomInputs(rows: number, width: number, vocabulary: number, temperature: number): Given[] {
  const targets = Array.from({ length: rows }, (_, row) => (row * 31) % vocabulary)
  return [
    given(randomValues(rows * width, 1), [rows, width]),
    given(randomValues(vocabulary * width, 2), [vocabulary, width]),
    given(targets, [rows], 'i32'),
    given([temperature], []),
    given(randomValues(rows, 3), [rows]),
    given(randomValues(rows, 4), [rows]),
  ]
}

const chunked = (chunkRows: number, [hidden, head, targets, temperature]: readonly Node[]): TokenLogProbsInputs =>
  ({ hidden, head, targets, temperature, chunkRows, multiply: hlo.dot }) as TokenLogProbsInputs

/** The definition, without what makes it stable: softmax of all logits at once. */
function definition([hidden, head, targets, temperature]: readonly Node[]): [logProbs: Node, entropies: Node] {
  const product = hlo.dot(hidden!, head!, { contract: [[1], [1]] })
  const { shape } = product
  const logits = hlo.divide(product, hlo.broadcast(temperature!, shape, []))
  const logSums = hlo.log(hlo.sum(hlo.exponential(logits), [1]))
  const logP = hlo.subtract(logits, hlo.repeatRows(logSums, shape))
  const isTarget = hlo.compare(hlo.iota(1, shape), 'EQ', hlo.repeatRows(targets!, shape))
  return [
    hlo.sum(hlo.select(isTarget, logP, 0), [1]),
    hlo.negate(hlo.sum(hlo.multiply(hlo.exponential(logP), logP), [1])),
  ]
}

describe('xla/programs: logProbsOf', () => {
  it('computes log-probabilities and entropies', async function () {
    const runner = await requireRunner(this)
    for (const vocabulary of [1, 2, 257, 5003]) {
      const logits = randomValues(3 * vocabulary, vocabulary, 9)
      const targets = [0, vocabulary - 1, vocabulary >> 1]
      const inputs = [given(logits, [3, vocabulary]), given(targets, [3], 'i32')]
      const results = await compute(runner, inputs, (z, t) => Object.values(logProbsOf(z, t)) as Node[])
      const expected = expectedOf(logits, targets)
      assertClose(results[0]!, expected.logProbs, 2e-6, `log-probability, ${vocabulary} tokens`)
      assertClose(results[1]!, expected.entropies, 2e-6, `entropy, ${vocabulary} tokens`)
    }
  })

  it('takes logits that are -Infinity, far apart and huge', async function () {
    const runner = await requireRunner(this)
    const inputs = [
      given([-Infinity, 1, 2, 0, 500, -1000, 3e38, -3e38, 3e38, -Infinity, -Infinity, 7], [4, 3]),
      given([0, 2, 0, 2], [4], 'i32'),
      given([0.5], []),
    ]
    const [logProbs, entropies] = (await compute(runner, inputs, (z, t, temperature) => {
      const computed = logProbsOf(z, t, temperature)
      return [computed.logProbs, computed.entropies]
    })) as [Float32Array, Float32Array]
    assert.equal(logProbs[0], -Infinity)
    assertClose(logProbs.subarray(1), [-3000, -Math.LN2, 0], 1e-6)
    assertClose(entropies, [0.3653339, 0, Math.LN2, 0], 1e-6)
  })

  it('gives NaN for a row with a logit that is NaN, and for no other', async function () {
    const runner = await requireRunner(this)
    const inputs = [given([1, NaN, 2, 0, 1, 2], [2, 3]), given([0, 0], [2], 'i32')]
    const results = await compute(runner, inputs, (z, t) => Object.values(logProbsOf(z, t)) as Node[])
    for (const result of results) assert.deepEqual(Array.from(result, Number.isNaN), [true, false])
  })
})

describe('xla/programs: tokenLogProbs', () => {
  it('computes the same whatever the rows of a chunk', async function () {
    const runner = await requireRunner(this)
    const [rows, width, vocabulary, temperature] = [12, 7, 130, 0.7]
    const inputs = randomInputs(rows, width, vocabulary, temperature).slice(0, 4)
    const [hidden, head, targets] = inputs.map(({ values }) => values) as [Float32Array, Float32Array, Int32Array]
    const logits = Float64Array.from({ length: rows * vocabulary }, (_, i) => {
      const [row, token] = [Math.floor(i / vocabulary), i % vocabulary]
      return hidden
        .subarray(row * width, (row + 1) * width)
        .reduce((sum, h, j) => sum + h * head[token * width + j]!, 0)
    })
    const expected = expectedOf(logits, [...targets], temperature)
    for (const chunkRows of [1, 3, 12]) {
      const results = await compute(runner, inputs, (...nodes) => {
        const { logProbs, entropies } = tokenLogProbs(chunked(chunkRows, nodes))
        return [logProbs, entropies]
      })
      assertClose(results[0]!, expected.logProbs, 2e-6, `log-probability, chunks of ${chunkRows}`)
      assertClose(results[1]!, expected.entropies, 2e-6, `entropy, chunks of ${chunkRows}`)
    }
  })

  it('has the gradients of its definition', async function () {
    const runner = await requireRunner(this)
    const inputs = randomInputs(12, 7, 130, 0.7)
    const expected = await compute(runner, inputs, (...nodes) =>
      gradients(definition(nodes), nodes.slice(4), nodes.slice(0, 2)),
    )
    for (const chunkRows of [1, 4, 12]) {
      for (const withHead of [false, true]) {
        const computed = await compute(runner, inputs, (...nodes) => {
          const { dHidden, dHead } = tokenLogProbsGradient(chunked(chunkRows, nodes), nodes[4]!, nodes[5]!, withHead)
          assert.equal(dHead !== null, withHead)
          return dHead ? [dHidden, dHead] : [dHidden]
        })
        for (const [i, values] of computed.entries()) {
          assertClose(values, expected[i]!, 2e-6, `gradient ${i}, chunks of ${chunkRows}`)
        }
      }
    }
  })

  it('has no gradient where a token cannot be drawn', async function () {
    const runner = await requireRunner(this)
    // The head's second row makes a logit of −infinity.
    const inputs = [
      given([1, 2], [2, 1]),
      given([0.5, -Infinity, -0.25], [3, 1]),
      given([0, 2], [2], 'i32'),
      given([1], []),
      given([1, -1], [2]),
      given([0.5, 0.25], [2]),
    ]
    const [dHead] = await compute(runner, inputs, (...nodes) => {
      const { dHead } = tokenLogProbsGradient(chunked(2, nodes), nodes[4]!, nodes[5]!, true)
      return [dHead!]
    })
    assert.ok(dHead!.every(Number.isFinite))
    assertClose([dHead![1]!], [0], 1e-30)
  })

  it('multiplies as it is told to', async function () {
    const runner = await requireRunner(this)
    const inputs = randomInputs(6, 32, 50, 1)
    const run = (multiply: TokenLogProbsInputs['multiply']) =>
      compute(runner, inputs, (...nodes) => {
        const given = { ...chunked(3, nodes), multiply }
        const { logProbs } = tokenLogProbs(given)
        const { dHidden } = tokenLogProbsGradient(given, nodes[4]!, nodes[5]!, false)
        return [logProbs, dHidden]
      })
    const exact = await run(hlo.dot)
    const rounded = await run((left, right, dimensions) =>
      hlo.dot(hlo.convert(left, 'bf16'), hlo.convert(right, 'bf16'), dimensions),
    )
    for (const i of [0, 1]) {
      const distance = Math.max(...exact[i]!.map((x, j) => Math.abs(x - rounded[i]![j]!)))
      // 8 bits of mantissa of products of 32 numbers.
      assert.ok(1e-5 < distance && distance < 0.05, `${distance}`)
    }
  })

  it('refuses rows that do not divide into chunks', () => {
    const nodes = [
      hlo.argument('f32', [10, 4]),
      hlo.argument('f32', [20, 4]),
      hlo.argument('i32', [10]),
      hlo.argument('f32', []),
    ]
    assert.throws(
      () => tokenLogProbs(chunked(4, nodes)),
      (error) =>
        error instanceof ShapeError && error.message.includes('tensor<10x4xf32> does not divide into chunks of 4 rows'),
    )
  })
})
