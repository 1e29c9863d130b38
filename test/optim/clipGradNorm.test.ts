import assert from 'node:assert/strict'
import { clipGradNorm } from '../../src/optim/clipGradNorm.js'
import { assertClose } from '../grpo/assertClose.js'

// The golden numbers are compared in adamW.test.ts.
describe('grpo/clipGradNorm', () => {
  it('scales to the largest norm and returns the norm before', () => {
    const vector = Float32Array.from([3, 4])
    assert.equal(clipGradNorm(vector, 1), 5)
    assertClose(vector, [0.6, 0.8], 1e-6, 'clipped')
    const small = Float32Array.from([3e-6, 4e-6])
    clipGradNorm(small, 1e-6)
    assertClose(small, [3e-6 / 6, 4e-6 / 6], 1e-12, 'clipped with 1e-6 added to the norm')
  })

  it('leaves smaller gradients alone, and all when there is no limit', () => {
    const vector = Float32Array.from([3, 4])
    assert.equal(clipGradNorm(vector, 6), 5)
    assert.equal(clipGradNorm(vector, 0), 5)
    assert.deepEqual(vector, Float32Array.from([3, 4]))
  })

  it('sums in f64', () => {
    assertClose([clipGradNorm(new Float32Array(1_000_000).fill(1e25), 0)], [Math.fround(1e25) * 1000], 1e18)
  })

  it('reports a norm that is not finite and leaves the gradients untouched', () => {
    for (const bad of [NaN, Infinity, -Infinity]) {
      const vector = Float32Array.from([3, bad])
      assert.equal(Number.isFinite(clipGradNorm(vector, 1)), false)
      assert.deepEqual(vector, Float32Array.from([3, bad]))
    }
  })
})
