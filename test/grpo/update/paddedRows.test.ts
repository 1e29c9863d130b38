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
      importanceSamplingRatio: null,
    })
    const old = rows.map((row, i) => ({ ...row, oldLogProbs: logProbs[i]! }))
    assert.deepEqual(lossValues(old, { logProbs, entropies: logProbs }).oldLogProbs, values.logProbs)
  })

  it('leaves tokens that were given out of the loss, and takes importance-sampling ratios of tokens or completions', () => {
    const two = [
      { completionIds: [1, 2, 3], advantage: 1, mask: [1, 0, 1], importanceSamplingRatio: [0.5, 1, 2] },
      { completionIds: [4], advantage: -1, mask: null, importanceSamplingRatio: [3] },
    ]
    const known = { logProbs: [[-1, -2, -3], [-4]], entropies: [[1, 2, 3], [4]] }
    const { completionMask, importanceSamplingRatio } = lossValues(two, known)
    assert.deepEqual(completionMask, Float32Array.of(1, 0, 1, 1, 0, 0))
    assert.deepEqual(importanceSamplingRatio, Float32Array.of(0.5, 1, 2, 3, 0, 0))
    const ofCompletions = two.map((row, i) => ({ ...row, importanceSamplingRatio: i }))
    assert.deepEqual(lossValues(ofCompletions, known).importanceSamplingRatio, Float32Array.of(0, 1))
  })
})
