import assert from 'node:assert/strict'
import * as tf from '../../src/bundled/tfjs.js'
import { ShapeError } from '../../src/errors.js'
import { dropout } from '../../src/ops/dropout.js'
import type { DropoutMask } from '../../src/ops/dropout.js'
import { on, onEveryBackend, OUR_BACKENDS, randomTensor, REFERENCE, testOp, values } from './suite.js'

function maskOf(rows: number, probability: number, key = 7): DropoutMask {
  return { probability, key, rowKeys: Int32Array.from({ length: rows }, (_, i) => i * i - 3) }
}

function dropoutCase(shape: [number, number], probability: number) {
  const mask = maskOf(shape[0], probability)
  return {
    make: () => ({ body: (x: tf.Tensor) => dropout(x as tf.Tensor2D, mask) }),
    inputs: [{ shape, seed: 1 }],
  }
}

/** Which of the numbers of a matrix of ones are kept. */
function kept(shape: [number, number], mask: DropoutMask): boolean[] {
  return tf.tidy(() => [...values(dropout(tf.ones(shape), mask))].map((value) => value !== 0))
}

describe('dropout', () => {
  testOp({
    'one number': dropoutCase([1, 1], 0.3),
    'some rows': dropoutCase([5, 7], 0.5),
    'many rows': dropoutCase([70, 131], 0.1),
    'nothing is left out': dropoutCase([3, 6], 0),
    'no rows': dropoutCase([0, 8], 0.5),
  })

  for (const backend of OUR_BACKENDS) {
    it(`leaves out the same numbers as the reference on ${backend}`, async () => {
      for (const [rows, columns, probability, key] of [
        [33, 65, 0.5, 1],
        [9, 576, 0.05, -5],
        [4, 3, 0.999, 2 ** 32 - 1],
      ] as const) {
        const run = (): boolean[] => kept([rows, columns], maskOf(rows, probability, key))
        assert.deepEqual(await on(backend, run), await on(REFERENCE, run))
      }
    })
  }

  onEveryBackend(() => {
    it('keeps the mean: what is kept counts 1 / (1 − p) times', () => {
      tf.tidy(() => {
        const x = randomTensor([8, 8], 3)
        const y = dropout(x, maskOf(8, 0.75))
        const [before, after] = [values(x), values(y)]
        for (const [i, value] of after.entries()) assert.ok(value === 0 || value === before[i]! * 4)
      })
    })

    it('keeps a row the same, wherever it lies and whatever is beside it', () => {
      const mask = maskOf(9, 0.5)
      const all = kept([9, 13], mask)
      for (let row = 0; row < 9; row++) {
        const alone = kept([1, 13], { ...mask, rowKeys: mask.rowKeys.slice(row, row + 1) })
        assert.deepEqual(alone, all.slice(row * 13, (row + 1) * 13))
      }
    })

    it('leaves out what it should: by probability, and independently in neighbouring columns, rows and keys', () => {
      const [rows, columns] = [256, 256]
      for (const probability of [0.05, 0.1, 0.5, 0.9]) {
        const masks = [1, 2].map((key) =>
          kept([rows, columns], {
            ...maskOf(rows, probability, key),
            rowKeys: Int32Array.from({ length: rows }, (_, i) => i),
          }),
        )
        const [mask, other] = masks as [boolean[], boolean[]]
        const share = (pairs: (i: number) => boolean): number => mask.filter((_, i) => pairs(i)).length / mask.length
        // 65,536 draws; five standard deviations of a share.
        const tolerance = 5 * Math.sqrt(0.25 / mask.length)
        const both = (1 - probability) ** 2
        assert.ok(Math.abs(share((i) => mask[i]!) - (1 - probability)) < tolerance, `share of ${probability}`)
        assert.ok(Math.abs(share((i) => mask[i]! && mask[(i + 1) % mask.length]!) - both) < tolerance, 'columns')
        assert.ok(Math.abs(share((i) => mask[i]! && mask[(i + columns) % mask.length]!) - both) < tolerance, 'rows')
        assert.ok(Math.abs(share((i) => mask[i]! && other[i]!) - both) < tolerance, 'keys')
      }
    })

    it('refuses another number of row keys', () => {
      assert.throws(() => dropout(tf.zeros([3, 2]), maskOf(2, 0.5)), ShapeError)
    })
  })
})
