import assert from 'node:assert/strict'
import { completionMetrics } from '../../../src/grpo/metrics/completion.js'

// The golden numbers are compared in advantages.test.ts.
describe('grpo/completionMetrics', () => {
  it('measures the lengths of all completions and of those that ended by themselves', () => {
    assert.deepEqual(completionMetrics([3, 8, 5, 8], [true, false, true, false]), {
      'completions/mean_length': 6,
      'completions/min_length': 3,
      'completions/max_length': 8,
      'completions/clipped_ratio': 0.5,
      'completions/mean_terminated_length': 4,
      'completions/min_terminated_length': 3,
      'completions/max_terminated_length': 5,
    })
  })

  it('gives 0 for the lengths of those that ended when none did', () => {
    assert.deepEqual(Object.values(completionMetrics([8, 8], [false, false])), [8, 8, 8, 1, 0, 0, 0])
  })
})
