import assert from 'node:assert/strict'
import * as tf from '../../src/bundled/tfjs.js'
import { ConfigError } from '../../src/errors.js'
import { record } from '../../src/ops/gradients.js'
import { linear } from '../../src/ops/linear.js'
import { tokenLogProbs } from '../../src/ops/tokenLogProbs.js'
import { createTrainableWeight, createWeight } from '../../src/ops/weight.js'
import type { Weight } from '../../src/ops/weight.js'
import {
  assertClose,
  on,
  onEveryBackend,
  OUR_BACKENDS,
  randomTensor,
  randomValues,
  REFERENCE,
  values,
} from './suite.js'

type Body = (x: tf.Tensor2D, weight: Weight, bias: tf.Variable<tf.Rank.R1>) => tf.Tensor[]

/** Results of an op with a weight that is trained, and the gradients of Σ c·y with respect to x, weight and bias. */
function evaluate(body: Body, rows: number, width: number, out: number): Float32Array[] {
  const x = randomTensor([rows, width], 2)
  const [weight, bias] = [randomTensor([out, width], 3), randomTensor<tf.Tensor1D>([out], 4)].map((one) =>
    tf.variable(one),
  ) as [tf.Variable<tf.Rank.R2>, tf.Variable<tf.Rank.R1>]
  const recording = record(() => body(x, createTrainableWeight(weight), bias))
  const results = recording.outputs.map(values)
  const dys = recording.outputs.map((y, i) => randomTensor(y.shape, 1000 + i))
  const gradients = recording.gradients(dys, [x, weight, bias])
  const found = gradients.map((gradient) => (gradient ? values(gradient) : new Float32Array()))
  tf.dispose([x, weight, bias, ...dys, ...gradients.filter((one) => one !== null)])
  return [...results, ...found]
}

const targetsOf = (rows: number, vocabulary: number): Int32Array =>
  Int32Array.from({ length: rows }, (_, i) => (i * 7919) % vocabulary)

const cases: Record<string, { body: Body; sizes: [rows: number, width: number, out: number] }> = {
  'linear, 1 x 1': { body: (x, weight, bias) => [linear(x, weight, bias, null)], sizes: [1, 1, 1] },
  'linear, 37 x 19 → 50': { body: (x, weight, bias) => [linear(x, weight, bias, null)], sizes: [37, 19, 50] },
  'linear without bias, 300 x 8 → 3': { body: (x, weight) => [linear(x, weight, null, null)], sizes: [300, 8, 3] },
  'tokenLogProbs, vocabulary of 35': {
    body: (x, weight) => Object.values(tokenLogProbs(x, weight, targetsOf(9, 35), 0.7)) as tf.Tensor[],
    sizes: [9, 6, 35],
  },
  'tokenLogProbs, three blocks': {
    body: (x, weight) => Object.values(tokenLogProbs(x, weight, targetsOf(6, 4999), 1.3)) as tf.Tensor[],
    sizes: [6, 13, 4999],
  },
  'tokenLogProbs, more rows than a chunk': {
    body: (x, weight) => Object.values(tokenLogProbs(x, weight, targetsOf(1027, 20), 1)) as tf.Tensor[],
    sizes: [1027, 3, 20],
  },
}

describe('weights that are trained', () => {
  for (const [title, { body, sizes }] of Object.entries(cases)) {
    for (const backend of OUR_BACKENDS) {
      it(`have the results and gradients of the reference: ${title}, ${backend}`, async () => {
        const expected = await on(REFERENCE, () => evaluate(body, ...sizes))
        const actual = await on(backend, () => evaluate(body, ...sizes))
        for (const [i, one] of expected.entries()) assertClose(actual[i]!, one, 1e-4, `result or gradient ${i}`)
      })

      it(`give the bits of frozen ones: ${title}, ${backend}`, async () => {
        await on(backend, () => {
          const [rows, width, out] = sizes
          const frozen = createWeight([out, width], randomValues(out * width, 3))
          const bias = tf.variable(randomTensor<tf.Tensor1D>([out], 4))
          const expected = body(randomTensor([rows, width], 2), frozen, bias).map(values)
          assert.deepEqual(evaluate(body, ...sizes).slice(0, expected.length), expected)
          frozen.dispose()
          bias.dispose()
        })
      })
    }
  }

  onEveryBackend((name) => {
    it('are packed anew when they change, and leave nothing behind', () => {
      const variable = tf.variable(randomTensor([4, 3], 1))
      const weight = createTrainableWeight(variable)
      const x = randomTensor([2, 3], 2)
      const before = tf.memory()
      tf.tidy(() => {
        linear(x, weight, null, null)
        variable.assign(tf.ones([4, 3]))
        const sums = tf.tile(tf.sum(x, 1, true), [1, 4])
        assertClose(values(linear(x, weight, null, null)), values(sums), 1e-6)
      })
      assert.equal(tf.memory().numTensors, before.numTensors)
      tf.dispose([variable, x])
    })

    it('have no gradient without rows but zeros', () => {
      for (const one of evaluate(
        (x, weight) => Object.values(tokenLogProbs(x, weight, new Int32Array(), 1)) as tf.Tensor[],
        0,
        3,
        5,
      )) {
        assert.ok(one.every((value) => value === 0))
      }
    })

    if (name === REFERENCE) return
    it('take no LoRA matrices', () => {
      const variable = tf.variable(randomTensor([4, 3], 1))
      const lora = { a: randomTensor([2, 3], 2), b: randomTensor([4, 2], 3), scale: 1 }
      assert.throws(() => linear(randomTensor([1, 3], 2), createTrainableWeight(variable), null, lora), ConfigError)
      variable.dispose()
    })
  })
})
