import assert from 'node:assert/strict'
import type { GRPOConfig } from '../../src/grpo/config/config.js'
import { learningRateAt } from '../../src/optim/learningRateSchedule.js'
import { assertClose } from '../grpo/assertClose.js'

// The golden numbers are compared in adamW.test.ts.
describe('grpo/learningRateSchedule', () => {
  const rates = (lrSchedulerType: GRPOConfig['lrSchedulerType'], warmupSteps = 0, warmupRatio = 0): number[] =>
    Array.from({ length: 6 }, (_, step) =>
      learningRateAt(step, 6, { learningRate: 12, lrSchedulerType, warmupSteps, warmupRatio }),
    )

  it('rises from 0 over the warm-up, then follows the schedule to 0 after the last step', () => {
    assertClose(rates('constant'), [12, 12, 12, 12, 12, 12], 1e-12, 'constant')
    assertClose(rates('constant_with_warmup', 2), [0, 6, 12, 12, 12, 12], 1e-12, 'constant_with_warmup')
    assertClose(rates('linear'), [12, 10, 8, 6, 4, 2], 1e-12, 'linear')
    assertClose(rates('linear', 3), [0, 4, 8, 12, 8, 4], 1e-12, 'linear with warm-up')
    assertClose(rates('cosine', 2), [0, 6, 12, 6 + 6 * Math.SQRT1_2, 6, 6 - 6 * Math.SQRT1_2], 1e-12, 'cosine')
  })

  it('rounds a warm-up ratio up to steps', () => {
    assertClose(rates('linear', 0, 0.4), rates('linear', 3), 1e-12, 'ratio')
  })

  it('stays at 0 beyond the last step, and defined when all steps are warm-up', () => {
    const options = { learningRate: 12, lrSchedulerType: 'linear' as const, warmupSteps: 6, warmupRatio: 0 }
    assert.equal(learningRateAt(5, 6, options), 10)
    assert.equal(learningRateAt(6, 6, options), 0)
    assert.equal(learningRateAt(9, 6, options), 0)
  })
})
