import assert from 'node:assert/strict'
import * as tf from '../../src/bundled/tfjs.js'
import { linear } from '../../src/ops/linear.js'
import { createWeight } from '../../src/ops/weight.js'
import { assertClose, on, onEveryBackend, OUR_BACKENDS, randomTensor, REFERENCE, testOp, values } from './suite.js'

function product(transposeA: boolean, transposeB: boolean) {
  return () => ({ body: (a: tf.Tensor, b: tf.Tensor) => tf.matMul(a, b, transposeA, transposeB) })
}

/** a [..., M, K] and b [..., K, N], each stored transposed when asked. */
function shapes(m: number, k: number, n: number, transposeA: boolean, transposeB: boolean, batch: number[]) {
  return [
    { shape: [...batch, ...(transposeA ? [k, m] : [m, k])], seed: 1 },
    { shape: [...batch, ...(transposeB ? [n, k] : [k, n])], seed: 2 },
  ]
}

describe('matMul', () => {
  for (const [transposeA, transposeB] of [
    [false, false],
    [true, false],
    [false, true],
    [true, true],
  ] as const) {
    const make = product(transposeA, transposeB)
    describe(`a${transposeA ? 'ᵀ' : ''} · b${transposeB ? 'ᵀ' : ''}`, () => {
      testOp({
        '1 x 1 x 1': { make, inputs: shapes(1, 1, 1, transposeA, transposeB, []) },
        '5 x 7 x 3': { make, inputs: shapes(5, 7, 3, transposeA, transposeB, []) },
        '35 x 50 x 67': { make, inputs: shapes(35, 50, 67, transposeA, transposeB, []) },
        '80 x 33 x 16': { make, inputs: shapes(80, 33, 16, transposeA, transposeB, []) },
        'no rows': { make, inputs: shapes(0, 4, 5, transposeA, transposeB, []) },
        'no depth': { make, inputs: shapes(3, 0, 5, transposeA, transposeB, []) },
        '3 products': { make, inputs: shapes(4, 5, 6, transposeA, transposeB, [3]) },
      })
    })
  }

  for (const backend of OUR_BACKENDS) {
    it(`gives a product of great depth the bits of one with a packed weight, which is summed in one go: ${backend}`, async () => {
      await on(backend, () => {
        for (const [m, k, n] of [
          [1, 641, 17],
          [25, 1500, 40],
          [300, 700, 16],
          [8, 640, 33],
        ] as const) {
          const x = randomTensor([m, k], 1)
          const w = randomTensor([n, k], 2)
          const weight = createWeight([n, k], values(w))
          const expected = values(linear(x, weight, null, null))
          assert.deepEqual(values(tf.matMul(x, w, false, true)), expected)
          assert.deepEqual(values(tf.matMul(x, tf.transpose(w))), expected)
          assert.deepEqual(values(tf.matMul(tf.transpose(x), tf.transpose(w), true)), expected)
          weight.dispose()
        }
      })
    })
  }

  // tfjs has no gradient for these.
  onEveryBackend(() => {
    it('multiplies batches with one matrix', async () => {
      for (const [batchA, batchB] of [
        [[1], [3]],
        [
          [2, 3],
          [1, 1],
        ],
      ] as const) {
        const multiply = (): Float32Array =>
          values(
            tf.matMul(randomTensor<tf.Tensor>([...batchA, 4, 5], 1), randomTensor<tf.Tensor>([...batchB, 5, 6], 2)),
          )
        assertClose(multiply(), await on(REFERENCE, multiply), 1e-6)
      }
    })
  }, OUR_BACKENDS)
})
