import assert from 'node:assert/strict'
import { countReasoningSteps, countSelfCorrections, reasoningMetrics } from '../../../src/grpo/metrics/reasoning.js'
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
  it('counts lines that are numbered or hold a calculation, each once', () => {
    assert.equal(countReasoningSteps(worked), 6)
    assert.equal(countReasoningSteps('Sarah has 18 apples.'), 0)
    assert.equal(countReasoningSteps('She has 3 * 6 = 18.\nThen 18 - 4 = 14 are left.\n#### 14'), 2)
    assert.equal(countReasoningSteps('Step 1: read\n- then write\nx = 5\na-b\n3.5 apples'), 2)
    assert.equal(countReasoningSteps(''), 0)
  })

  it('counts places where the writer takes something back', () => {
    assert.equal(countSelfCorrections('3 × 6 = 19. Wait, that is wrong. 3 × 6 = 18. Let me check that: yes.'), 3)
    assert.equal(countSelfCorrections('The waiter, in his actuality, waits.'), 0)
    assert.equal(countSelfCorrections(worked), 0)
  })

  it('takes means over all completions, and time linear in the text', () => {
    const groups = [groupOf([{ text: worked }, { text: 'Wait, 2 + 2 = 4' }]), groupOf([{ text: '' }, { text: '7' }])]
    assert.deepEqual(reasoningMetrics(groups), { 'reasoning/steps': 7 / 4, 'reasoning/self_corrections': 1 / 4 })
    assert.deepEqual(reasoningMetrics([]), {})
    const started = performance.now()
    countReasoningSteps(`= ${'1+1 '.repeat(100_000)}`)
    countReasoningSteps(' '.repeat(200_000))
    assert.ok(performance.now() - started < 500)
  })
})
