import assert from 'node:assert/strict'
import * as tf from '../../src/bundled/tfjs.js'
import { ShapeError } from '../../src/errors.js'
import { selectRows } from '../../src/ops/selectRows.js'
import { onEveryBackend, randomTensor, testOp, values } from './suite.js'

function selectCase(height: number, width: number, rows: readonly number[]) {
  return {
    make: () => ({ body: (x: tf.Tensor) => selectRows(x as tf.Tensor2D, Int32Array.from(rows)) }),
    inputs: [{ shape: [height, width], seed: 1 }],
  }
}

describe('selectRows', () => {
  testOp({
    'one number': selectCase(1, 1, [0]),
    'rows in another order, some not at all': selectCase(7, 5, [6, 0, 3]),
    'rows that are taken several times': selectCase(4, 3, [1, 1, 3, 1, 0]),
    'more rows than there are': selectCase(
      3,
      70,
      Array.from({ length: 50 }, (_, i) => (i * i) % 3),
    ),
    'no rows': selectCase(3, 4, []),
  })

  onEveryBackend(() => {
    it('takes rows in their order and adds up the gradients of copies', () => {
      tf.tidy(() => {
        const x = tf.tensor2d([1, 2, 3, 4, 5, 6], [3, 2])
        const rows = Int32Array.of(2, 0, 2)
        assert.deepEqual([...values(selectRows(x, rows))], [5, 6, 1, 2, 5, 6])
        const dy = tf.tensor2d([1, 10, 2, 20, 3, 30], [3, 2])
        const dx = tf.grad((y) => tf.sum(tf.mul(selectRows(y as tf.Tensor2D, rows), dy)))(x)
        assert.deepEqual([...values(dx)], [2, 20, 0, 0, 4, 40])
      })
    })

    it('does not keep the input alive or change with it', () => {
      const x = randomTensor([3, 2], 5)
      const before = values(x).slice(2, 4)
      const y = selectRows(x, Int32Array.of(1))
      x.dispose()
      const other = tf.zeros([3, 2])
      assert.deepEqual(values(y), before)
      tf.dispose([y, other])
    })

    it('refuses rows that are not there', () => {
      tf.tidy(() => {
        const x = tf.zeros<tf.Rank.R2>([3, 2])
        assert.throws(
          () => selectRows(x, Int32Array.of(0, 3)),
          (error) => error instanceof ShapeError && error.message.includes('row 3 of a matrix with 3 rows'),
        )
        assert.throws(() => selectRows(x, Int32Array.of(-1)), ShapeError)
        assert.throws(() => selectRows(tf.zeros([0, 2]), Int32Array.of(0)), ShapeError)
      })
    })
  })
})
