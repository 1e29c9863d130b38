import assert from 'node:assert/strict'
import * as tf from '../../src/bundled/tfjs.js'
import { onEveryBackend, OUR_BACKENDS, randomTensor, testOp, values } from './suite.js'

const make = () => ({ body: (a: tf.Tensor, b: tf.Tensor) => tf.add(a, b) })
const inputs = (a: number[], b = a) => [
  { shape: a, seed: 1 },
  { shape: b, seed: 2 },
]

describe('add', () => {
  testOp({
    'two numbers': { make, inputs: inputs([]) },
    '3 x 5': { make, inputs: inputs([3, 5]) },
    '31 x 2 x 1001': { make, inputs: inputs([31, 2, 1001]) },
    'no rows': { make, inputs: inputs([0, 4]) },
    'a row to each row': { make, inputs: inputs([3, 5], [5]) },
    'one tensor that is used twice': {
      make: () => ({ body: (a: tf.Tensor) => tf.add(tf.add(a, a), tf.mul(a, a)) }),
      inputs: [{ shape: [4, 9], seed: 3 }],
    },
  })

  onEveryBackend(() => {
    it('adds integers, and integers to floats', () => {
      const int = tf.tensor1d([1, 2, 3], 'int32')
      const sum = tf.add(int, tf.tensor1d([10, 20, 30], 'int32'))
      assert.equal(sum.dtype, 'int32')
      assert.deepEqual([...values(sum)], [11, 22, 33])
      assert.deepEqual([...values(tf.add(int, tf.tensor1d([0.5, 0.5, 0.5])))], [1.5, 2.5, 3.5])
      assert.deepEqual(
        [...values(tf.add(tf.tensor1d([true, false], 'bool'), tf.tensor1d([true, false], 'bool')))],
        [2, 0],
      )
    })
    it('gives the sums that JavaScript rounds to float32', () => {
      const [a, b] = [randomTensor([103], 4), randomTensor([103], 5)]
      const [x, y] = [values(a), values(b)]
      assert.deepEqual(
        values(tf.add(a, b)),
        x.map((value, i) => value + y[i]!),
      )
    })
  }, OUR_BACKENDS)
})
