import assert from 'node:assert/strict'
import * as tf from '../../src/bundled/tfjs.js'
import { ShapeError } from '../../src/errors.js'
import { crossEntropy } from '../../src/ops/crossEntropy.js'
import { assertClose, onEveryBackend, testOp, values } from './suite.js'

function lossCase(rows: number, vocabulary: number) {
  const targets = Int32Array.from({ length: rows }, (_, i) => (i % 3 === 1 ? vocabulary - 1 : (i * 7919) % vocabulary))
  return {
    make: () => ({ body: (logits: tf.Tensor) => crossEntropy(logits as tf.Tensor2D, targets) }),
    inputs: [{ shape: [rows, vocabulary], seed: 2, scale: 3 }],
  }
}

describe('crossEntropy', () => {
  testOp({
    '1 x 2': lossCase(1, 2),
    '5 x 67': lossCase(5, 67),
    '300 x 35': lossCase(300, 35),
    'no rows': lossCase(0, 7),
  })

  onEveryBackend(() => {
    it('is log V for equal logits, and takes logits that are far apart', () => {
      const losses = crossEntropy(
        tf.tensor2d([
          [5, 5, 5, 5],
          [1000, 0, 0, -1000],
        ]),
        Int32Array.of(2, 3),
      )
      assertClose(values(losses), [Math.log(4), 2000], 1e-6)
    })

    it('refuses targets outside the vocabulary, and too few of them', () => {
      assert.throws(() => crossEntropy(tf.zeros([2, 3]), Int32Array.of(0, 3)), ShapeError)
      assert.throws(() => crossEntropy(tf.zeros([2, 3]), Int32Array.of(0)), ShapeError)
    })
  })
})
