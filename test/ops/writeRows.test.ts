import assert from 'node:assert/strict'
import * as tf from '../../src/bundled/tfjs.js'
import { registerCpuBackend } from '../../src/backend/cpu/register.js'
import { ShapeError } from '../../src/errors.js'
import { writeRows, writeRowsReference } from '../../src/ops/writeRows.js'

const OURS = 'write-rows'

describe('writeRows', () => {
  before(async () => {
    await registerCpuBackend({ name: OURS, threads: 1 })
  })

  after(() => {
    tf.removeBackend(OURS)
    void tf.setBackend('cpu')
  })

  for (const backend of ['cpu', OURS]) {
    it(`writes rows into their slots and takes the table over: ${backend}`, () => {
      void tf.setBackend(backend)
      const before = tf.memory().numTensors
      const mine = Float32Array.from({ length: 12 }, (_, i) => i)
      const table = tf.tensor2d(mine, [6, 2])
      const slots = Int32Array.of(4, 5, 0, 2)
      const rows = tf.tensor2d([-1, -2, -3, -4, -5, -6, -7, -8], [4, 2])
      const expected = tf.tidy(() => writeRowsReference(table, rows, slots).dataSync())
      const changed = tf.tidy(() => writeRows(table, rows, slots))
      assert.deepEqual(expected, Float32Array.of(-5, -6, 2, 3, -7, -8, 6, 7, -1, -2, -3, -4))
      assert.deepEqual(changed.dataSync(), expected)
      assert.ok(table.isDisposed)
      assert.equal(mine[0], 0) // the caller's array is not the table
      const again = writeRows(
        changed,
        tf.tidy(() => tf.keep(tf.neg(rows))),
        Int32Array.of(0, 1, 2, 3),
      )
      assert.deepEqual([...again.dataSync()], [1, 2, 3, 4, 5, 6, 7, 8, -1, -2, -3, -4])
      again.dispose()
      rows.dispose()
      assert.equal(tf.memory().numTensors - before, 1) // the negated rows
    })

    it(`takes no rows and refuses those that do not fit: ${backend}`, () => {
      void tf.setBackend(backend)
      tf.tidy(() => {
        const table = writeRows(tf.ones([2, 3]), tf.zeros([0, 3]), new Int32Array(0))
        assert.deepEqual(table.dataSync(), new Float32Array(6).fill(1))
        assert.throws(() => writeRows(table, tf.zeros([1, 3]), Int32Array.of(2)), /slot 2 for a table of 2 rows/)
        assert.throws(() => writeRows(table, tf.zeros([1, 3]), Int32Array.of(-1)), ShapeError)
        assert.throws(() => writeRows(table, tf.zeros([1, 2]), Int32Array.of(0)), ShapeError)
        assert.throws(() => writeRows(table, tf.zeros([2, 3]), Int32Array.of(0)), ShapeError)
        assert.ok(!table.isDisposed)
        table.dispose()
      })
    })
  }

  it('works in place on the cpu backend', () => {
    void tf.setBackend(OURS)
    const table = tf.zeros<tf.Rank.R2>([1000, 8])
    const first = writeRows(table, tf.ones([1, 8]), Int32Array.of(1))
    const { dataId } = first
    const bytes = tf.memory().numBytes
    const second = writeRows(first, tf.ones([1, 8]), Int32Array.of(2))
    assert.equal(second.dataId, dataId)
    assert.equal(tf.memory().numBytes - bytes, 32) // the row handed over
    second.dispose()
  })
})
