import assert from 'node:assert/strict'
import { lossValues, padRows, unpadRows } from '../../../src/grpo/update/paddedRows.js'

describe('paddedRows', () => {
  const rows = [
    { completionIds: [1, 2], advantage: 1 },
    { completionIds: [], advantage: 0, inLoss: false },
    { completionIds: [3, 4, 5], advantage: -1, inLoss: false },
  ]

  it('pads values of rows with zeros, and gives null when a row has none', () => {
    assert.deepEqual(padRows([[1, 2], [], [3]], 2), Float32Array.of(1, 2, 0, 0, 3, 0))
    assert.equal(padRows([[1, 2], null], 2), null)
    assert.equal(padRows([undefined], 2), null)
  })

  it('takes the tokens of all rows, or of some, out of a padded matrix', () => {
    const padded = Float32Array.of(1, 2, 0, 0, 0, 0, 3, 4, 5)
    assert.deepEqual(unpadRows(padded, rows), Float32Array.of(1, 2, 3, 4, 5))
    assert.deepEqual(unpadRows(padded, rows, [2]), Float32Array.of(3, 4, 5))
    assert.deepEqual(unpadRows(padded, rows, []), new Float32Array(0))
  })

  it('makes the values of the loss from rows, which are in it and on-policy unless they say otherwise', () => {
    const logProbs = [[-1, -2], [], [-3, -4, -5]]
    const values = lossValues(rows, { logProbs, entropies: logProbs })
    assert.deepEqual(values, {
      shape: [3, 3],
      logProbs: Float32Array.of(-1, -2, 0, 0, 0, 0, -3, -4, -5),
      entropies: Float32Array.of(-1, -2, 0, 0, 0, 0, -3, -4, -5),
      oldLogProbs: null,
      refLogProbs: null,
      samplingLogProbs: null,
      completionMask: Float32Array.of(1, 1, 0, 0, 0, 0, 0, 0, 0),
      advantages: [1, 0, -1],
    })
    const old = rows.map((row, i) => ({ ...row, oldLogProbs: logProbs[i]! }))
    assert.deepEqual(lossValues(old, { logProbs, entropies: logProbs }).oldLogProbs, values.logProbs)
  })
})
