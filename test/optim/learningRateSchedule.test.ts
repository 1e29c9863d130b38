import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { parseGRPOConfig } from '../../src/grpo/config/config.js'
import type { GRPOConfig } from '../../src/grpo/config/config.js'
import { dependsOnMaxSteps, learningRateAt } from '../../src/optim/learningRateSchedule.js'
import { schedulers } from '../../src/optim/schedulerOptions.js'
import { assertClose } from '../grpo/assertClose.js'

interface TransformersSchedule {
  lr_scheduler_type: string
  lr_scheduler_kwargs: Record<string, unknown>
  learning_rate: number
  warmup_steps: number
  steps: number
  rates: number[]
}

const fixture = path.join(import.meta.dirname, '../fixtures/schedules/schedules.json')

// The golden numbers are compared in adamW.test.ts.
describe('optim/learningRateSchedule', () => {
  const rates = (lrSchedulerType: GRPOConfig['lrSchedulerType'], warmupSteps = 0, warmupRatio = 0): number[] =>
    Array.from({ length: 6 }, (_, step) =>
      learningRateAt(step, 6, { learningRate: 12, lrSchedulerType, warmupSteps, warmupRatio }),
    )

  it('has the rates of every schedule of transformers at every step', () => {
    const { cases } = JSON.parse(fs.readFileSync(fixture, 'utf8')) as { cases: TransformersSchedule[] }
    assert.deepEqual(new Set(cases.map((one) => one.lr_scheduler_type)), new Set(Object.keys(schedulers)))
    for (const { rates: expected, steps, ...options } of cases) {
      const config = parseGRPOConfig(options)
      const actual = Array.from({ length: steps }, (_, step) => learningRateAt(step, steps, config))
      assertClose(actual, expected, 1e-18, JSON.stringify({ steps, ...options }))
    }
  })

  it('rises from 0 over the warm-up, then follows the schedule to 0 after the last step', () => {
    assertClose(rates('constant'), [12, 12, 12, 12, 12, 12], 1e-12, 'constant')
    assertClose(rates('constant_with_warmup', 2), [0, 6, 12, 12, 12, 12], 1e-12, 'constant_with_warmup')
    assertClose(rates('linear'), [12, 10, 8, 6, 4, 2], 1e-12, 'linear')
    assertClose(rates('linear', 3), [0, 4, 8, 12, 8, 4], 1e-12, 'linear with warm-up')
    assertClose(rates('cosine', 2), [0, 6, 12, 6 + 6 * Math.SQRT1_2, 6, 6 - 6 * Math.SQRT1_2], 1e-12, 'cosine')
  })

  it('rounds a warm-up ratio up to steps', () => {
    assertClose(rates('linear', 0, 0.4), rates('linear', 3), 1e-12, 'ratio')
    assertClose(rates('linear', 0.4), rates('linear', 3), 1e-12, 'fraction of a step')
  })

  it('stays at its end beyond the last step, and defined when all steps are warm-up', () => {
    const options = { learningRate: 12, lrSchedulerType: 'linear' as const, warmupSteps: 6, warmupRatio: 0 }
    assert.equal(learningRateAt(5, 6, options), 10)
    assert.equal(learningRateAt(6, 6, options), 0)
    assert.equal(learningRateAt(9, 6, options), 0)
    const polynomial = { ...options, lrSchedulerType: 'polynomial' as const, lrSchedulerKwargs: { lrEnd: 3 } }
    assertClose([learningRateAt(6, 6, polynomial), learningRateAt(9, 6, polynomial)], [3, 3], 1e-12, 'polynomial')
  })

  it('says which schedules another number of steps would change', () => {
    const depends = (options: Record<string, unknown>): boolean => dependsOnMaxSteps(parseGRPOConfig(options))
    const kwargs = { num_decay_steps: 2 }
    assert.equal(depends({ lrSchedulerType: 'constant' }), false)
    assert.equal(depends({ lrSchedulerType: 'inverse_sqrt', warmupSteps: 5 }), false)
    assert.equal(depends({ lrSchedulerType: 'inverse_sqrt', warmupSteps: 0.5 }), true)
    assert.equal(depends({ lrSchedulerType: 'constant_with_warmup', warmupRatio: 0.1 }), true)
    assert.equal(depends({ lrSchedulerType: 'warmup_stable_decay', lrSchedulerKwargs: kwargs }), true)
    const fixed = { ...kwargs, num_stable_steps: 3 }
    assert.equal(depends({ lrSchedulerType: 'warmup_stable_decay', lrSchedulerKwargs: fixed }), false)
    for (const lrSchedulerType of ['linear', 'cosine', 'cosine_with_restarts', 'polynomial'] as const) {
      assert.equal(depends({ lrSchedulerType, learningRate: 1 }), true)
    }
  })
})
