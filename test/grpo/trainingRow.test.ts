import assert from 'node:assert/strict'
import * as tf from '@tensorflow/tfjs'
import { packRows, paddedLayout, padRows, padTokens } from '../../src/grpo/trainingRow.js'
import { packGroups } from '../../src/model/packedBatch.js'
import { assertGradients, onEveryBackend, values } from '../ops/suite.js'

describe('trainingRow', () => {
  it('packs neighbours with the same prompt array as one group', () => {
    const [one, two] = [
      [1, 2],
      [3, 4],
    ]
    const rows = [
      { promptIds: one, completionIds: [5] },
      { promptIds: one, completionIds: [6, 7] },
      { promptIds: two, completionIds: [8] },
      { promptIds: [...two], completionIds: [9] },
      { promptIds: one, completionIds: [10] },
    ]
    assert.deepEqual(
      packRows(rows),
      packGroups([
        { promptIds: one, completions: [[5], [6, 7]] },
        { promptIds: two, completions: [[8]] },
        { promptIds: two, completions: [[9]] },
        { promptIds: one, completions: [[10]] },
      ]),
    )
    assert.equal(packRows([]).batch.tokenIds.length, 0)
  })

  it('lays out rows of different lengths in a rectangle', () => {
    const layout = paddedLayout([2, 0, 3])
    assert.deepEqual(layout.shape, [3, 3])
    assert.deepEqual([...layout.places], [0, 1, 5, 5, 5, 5, 2, 3, 4])
    assert.deepEqual(paddedLayout([0]).shape, [1, 1])
  })

  it('pads values of rows with zeros, and gives null when a row has none', () => {
    const layout = paddedLayout([2, 1])
    assert.deepEqual(padRows([[1, 2], [3]], layout), Float32Array.of(1, 2, 3, 0))
    assert.equal(padRows([[1, 2], null], layout), null)
    assert.equal(padRows([null, null], layout), null)
  })

  onEveryBackend(() => {
    it('pads packed values with zeros and hands their gradients back', () => {
      tf.tidy(() => {
        const layout = paddedLayout([2, 0, 3, 1])
        const packed = tf.tensor1d([1, 2, 3, 4, 5, 6])
        const padded = padTokens(packed, layout)
        assert.deepEqual(padded.arraySync(), [
          [1, 2, 0],
          [0, 0, 0],
          [3, 4, 5],
          [6, 0, 0],
        ])
        const weights = tf.tensor2d([1, 2, 99, 99, 99, 99, 3, 4, 5, 6, 99, 99], [4, 3])
        const gradient = tf.grad((x) => tf.sum(tf.mul(padTokens(x as tf.Tensor1D, layout), weights)))(packed)
        assert.deepEqual([...values(gradient)], [1, 2, 3, 4, 5, 6])
        assertGradients((x) => padTokens(tf.square(x) as tf.Tensor1D, layout), [{ shape: [6], seed: 1 }])
      })
    })
  })
})
