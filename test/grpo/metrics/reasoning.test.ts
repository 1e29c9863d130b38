import assert from 'node:assert/strict'
import { reasoningMetrics } from '../../../src/grpo/metrics/reasoning.js'
import { groupOf } from './groups.js'

const worked = `Let me think through this step by step:
1. Let Tom have x apples
2. Then Sarah has 3x apples
3. Together: x + 3x = 24
4. So 4x = 24
5. Therefore x = 6
6. Sarah has 3 × 6 = 18 apples
Answer: 18 apples`

describe('grpo/metrics/reasoning', () => {
  it('has the mean number of steps and of self-corrections over all completions', () => {
    const groups = [
      groupOf([{ text: worked }, { text: 'Wait, that is wrong. 2 + 2 = 4' }]),
      groupOf([{ text: '' }, { text: 'yes' }]),
    ]
    const metrics = reasoningMetrics(groups)
    assert.equal(metrics['reasoning/self_corrections'], 1 / 4)
    assert.equal(metrics['reasoning/steps'], 7 / 4)
    assert.equal(metrics['reasoning/correct_calculations'], 1)
    const wrong = reasoningMetrics([groupOf([{ text: '2 + 2 = 5' }, { text: '2 + 2 = 4' }])])
    assert.equal(wrong['reasoning/correct_calculations'], 1 / 2)
    assert.deepEqual(Object.keys(reasoningMetrics([groupOf([{ text: 'yes' }])])).length, 2)
    assert.deepEqual(reasoningMetrics([]), {})
  })
})
