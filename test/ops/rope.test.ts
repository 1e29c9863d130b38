import assert from 'node:assert/strict'
import * as tf from '../../src/bundled/tfjs.js'
import { ShapeError } from '../../src/errors.js'
import { rope } from '../../src/ops/rope.js'
import { on, OUR_BACKENDS, randomTensor, randomValues, testOp, values } from './suite.js'

/** Cosines and sines of random angles, [rows, half]. */
function rotation(rows: number, half: number): { cos: tf.Tensor2D; sin: tf.Tensor2D } {
  const angles = randomValues(rows * half, 1, Math.PI)
  return {
    cos: tf.tensor2d(angles.map(Math.cos), [rows, half]),
    sin: tf.tensor2d(angles.map(Math.sin), [rows, half]),
  }
}

function rotate(rows: number, half: number): { body: (x: tf.Tensor) => tf.Tensor; dispose: () => void } {
  const { cos, sin } = rotation(rows, half)
  return {
    body: (x) => rope(x as tf.Tensor2D, cos, sin),
    dispose: () => {
      tf.dispose([cos, sin])
    },
  }
}

describe('rope', () => {
  testOp({
    'one head of 2': { make: () => rotate(1, 1), inputs: [{ shape: [1, 2], seed: 2 }] },
    '3 heads of 14': { make: () => rotate(5, 7), inputs: [{ shape: [5, 42], seed: 3 }] },
    '9 heads of 64': { make: () => rotate(70, 32), inputs: [{ shape: [70, 576], seed: 4 }] },
    'no rows': { make: () => rotate(0, 4), inputs: [{ shape: [0, 16], seed: 5 }] },
  })

  for (const backend of OUR_BACKENDS) {
    it(`gives a row the same bits alone and among others on ${backend}`, async () => {
      await on(backend, () => {
        const { cos, sin } = rotation(9, 3)
        const x = randomTensor([9, 30], 7)
        const all = values(rope(x, cos, sin))
        for (const row of [0, 5, 8]) {
          const [one, c, s] = [x, cos, sin].map((t) => tf.slice(t, [row, 0], [1, -1])) as [
            tf.Tensor2D,
            tf.Tensor2D,
            tf.Tensor2D,
          ]
          assert.deepEqual(values(rope(one, c, s)), all.slice(row * 30, (row + 1) * 30))
        }
      })
    })
  }

  it('rotates each pair of coordinates (i, i + D / 2) by its angle', () => {
    const quarter = { cos: tf.tensor2d([[0, 1]]), sin: tf.tensor2d([[1, 0]]) }
    assert.deepEqual([...values(rope(tf.tensor2d([[1, 2, 3, 4]]), quarter.cos, quarter.sin))], [-3, 2, 1, 4])
  })

  it('refuses rows or a size of a head that do not fit', () => {
    const { cos, sin } = rotation(3, 4)
    assert.throws(() => rope(tf.zeros([3, 12]), cos, sin), ShapeError)
    assert.throws(() => rope(tf.zeros([2, 16]), cos, sin), ShapeError)
    assert.throws(() => rope(tf.zeros([3, 16]), cos, tf.zeros([3, 3])), ShapeError)
  })
})
