import assert from 'node:assert/strict'
import * as tf from '../../src/bundled/tfjs.js'
import { ShapeError } from '../../src/errors.js'
import { swiglu } from '../../src/ops/swiglu.js'
import { assertClose, on, onEveryBackend, OUR_BACKENDS, randomTensor, testOp, values } from './suite.js'

const make = () => ({ body: (gate: tf.Tensor, up: tf.Tensor) => swiglu(gate as tf.Tensor2D, up as tf.Tensor2D) })
const inputs = (shape: number[], scale = 2) => [
  { shape, seed: 1, scale },
  { shape, seed: 2 },
]

describe('swiglu', () => {
  testOp({
    '1 x 1': { make, inputs: inputs([1, 1]) },
    '3 x 7': { make, inputs: inputs([3, 7]) },
    '33 x 1001': { make, inputs: inputs([33, 1001]) },
    'no rows': { make, inputs: inputs([0, 8]) },
  })

  onEveryBackend(() => {
    it('takes gates far from 0', () => {
      const gate = tf.tensor2d([[-1000, -100, -80, 0, 80, 100, 1000]])
      assertClose(values(swiglu(gate, tf.fill([1, 7], 2))), [0, 0, 0, 0, 160, 200, 2000], 1e-6)
    })
  })

  for (const backend of OUR_BACKENDS) {
    it(`gives a row the same bits alone and among others on ${backend}`, async () => {
      await on(backend, () => {
        const [gate, up] = [randomTensor([9, 5], 3, 4), randomTensor([9, 5], 4)]
        const all = values(swiglu(gate, up))
        for (let row = 0; row < 9; row++) {
          const alone = swiglu(tf.slice(gate, [row, 0], [1, 5]), tf.slice(up, [row, 0], [1, 5]))
          assert.deepEqual(values(alone), all.slice(row * 5, (row + 1) * 5))
        }
      })
    })
  }

  it('refuses different shapes', () => {
    assert.throws(() => swiglu(tf.zeros([2, 3]), tf.zeros([3, 2])), ShapeError)
  })
})
