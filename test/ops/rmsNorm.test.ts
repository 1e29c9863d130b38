import assert from 'node:assert/strict'
import * as tf from '../../src/bundled/tfjs.js'
import { ShapeError } from '../../src/errors.js'
import { rmsNorm } from '../../src/ops/rmsNorm.js'
import { on, OUR_BACKENDS, randomTensor, testOp, values } from './suite.js'

function normalise(width: number, epsilon = 1e-5): { body: (x: tf.Tensor) => tf.Tensor; dispose: () => void } {
  const weight = randomTensor<tf.Tensor1D>([width], 1)
  return {
    body: (x) => rmsNorm(x as tf.Tensor2D, weight, epsilon),
    dispose: () => {
      weight.dispose()
    },
  }
}

describe('rmsNorm', () => {
  testOp({
    '1 x 1': { make: () => normalise(1), inputs: [{ shape: [1, 1], seed: 2 }] },
    '5 x 7': { make: () => normalise(7), inputs: [{ shape: [5, 7], seed: 3 }] },
    '3 x 13, large epsilon': { make: () => normalise(13, 0.5), inputs: [{ shape: [3, 13], seed: 4 }] },
    '600 x 64, small values': { make: () => normalise(64), inputs: [{ shape: [600, 64], seed: 5, scale: 0.1 }] },
    'no rows': { make: () => normalise(8), inputs: [{ shape: [0, 8], seed: 6 }] },
  })

  for (const backend of OUR_BACKENDS) {
    it(`gives a row the same bits alone and among others on ${backend}`, async () => {
      await on(backend, () => {
        const { body } = normalise(37)
        const x = randomTensor([11, 37], 7)
        const all = values(body(x))
        for (const row of [0, 4, 10]) {
          assert.deepEqual(values(body(tf.slice(x, [row, 0], [1, 37]))), all.slice(row * 37, (row + 1) * 37))
        }
      })
    })
  }

  it('refuses a weight of another length', () => {
    assert.throws(() => rmsNorm(tf.zeros([2, 8]), tf.ones([7]), 1e-5), ShapeError)
  })
})
