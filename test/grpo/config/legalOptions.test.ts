import assert from 'node:assert/strict'
import { ConfigError } from '../../../src/errors.js'
import { configWarnings } from '../../../src/grpo/config/rules.js'
import type { GRPOConfig } from '../../../src/grpo/config/config.js'
import { parseGRPOConfig } from '../../../src/grpo/config/config.js'
import { GRPOTrainer } from '../../../src/grpo/trainer.js'
import { fractionOf, tinyTask, withPolicy } from '../tinyTask.js'

describe('options that are illegal together', () => {
  it('do not compile, and what is only known at run time does', () =>
    withPolicy(async ({ policy }) => {
      await Promise.resolve()
      const data = { policy, task: tinyTask(), rewards: [fractionOf(7)] }
      const legal = (): void => {
        new GRPOTrainer(data)
        new GRPOTrainer({ ...data, config: { numGenerations: 2, stopStrings: [] } })
        new GRPOTrainer({ ...data, config: { lossType: 'cispo', epsilonHigh: 5 } })
        new GRPOTrainer({ ...data, config: { lossType: 'cispo', epsilonHigh: 1.5 } })
        new GRPOTrainer({ ...data, config: { lossType: 'grpo', importanceSamplingLevel: 'sequence' } })
        new GRPOTrainer({ ...data, config: { lossType: 'luspo', importanceSamplingLevel: 'sequence' } })
        new GRPOTrainer({ ...data, config: { lossType: 'dr_grpo', scaleRewards: 'none' } })
        new GRPOTrainer({ ...data, config: { lossType: 'dr_grpo', scaleRewards: false } })
        new GRPOTrainer({ ...data, config: { lossType: 'dr_grpo', advantageEstimator: 'dr_grpo' } })
        // Hardly meant, but possible: warned of when it runs.
        new GRPOTrainer({ ...data, config: { lossType: 'cispo' } })
        new GRPOTrainer({ ...data, config: { lossType: 'cispo', epsilonHigh: 0.28 } })
        new GRPOTrainer({ ...data, config: { lossType: 'dr_grpo' } })
        new GRPOTrainer({ ...data, config: { lossType: 'dr_grpo', scaleRewards: 'batch' } })
        new GRPOTrainer({ ...data, config: { importanceSamplingLevel: 'sequence' } })
        new GRPOTrainer({ ...data, config: { importanceSamplingLevel: 'sequence', lossType: 'bnpo' } })
        new GRPOTrainer({ ...data, config: { numGenerations: undefined, minP: undefined, lossType: undefined } })
        const some: Partial<GRPOConfig> = { lossType: 'grpo' }
        new GRPOTrainer({ ...data, config: some })
        const whole: GRPOConfig = parseGRPOConfig({ lossType: 'grpo' })
        new GRPOTrainer({ ...data, config: whole })
        const each = (lossType: 'grpo' | 'bnpo'): GRPOTrainer => new GRPOTrainer({ ...data, config: { lossType } })
        each('grpo')
      }
      assert.doesNotThrow(legal)
      // @ts-expect-error a group of one
      assert.throws(() => new GRPOTrainer({ ...data, config: { numGenerations: 1 } }), ConfigError)
      // @ts-expect-error an unknown option
      assert.throws(() => new GRPOTrainer({ ...data, config: { learningRat: 1 } }), ConfigError)
    }))

  it('are refused or warned of at run time', () => {
    const refused: [Record<string, unknown>, RegExp][] = [
      [{ num_generations: 1 }, /numGenerations/],
      [{ num_generations: 4, per_device_train_batch_size: 6 }, /does not hold whole groups/],
      [{ advantage_estimator: 'rloo', multi_objective_aggregation: 'normalize_then_sum' }, /rloo does not divide/],
    ]
    for (const [options, message] of refused) {
      assert.throws(
        () => parseGRPOConfig(options),
        (error) => error instanceof ConfigError && message.test(error.message),
      )
    }
    const warnings = (options: Record<string, unknown>): string => configWarnings(parseGRPOConfig(options)).join(' ')
    assert.match(warnings({ importance_sampling_level: 'sequence' }), /favours long completions; GSPO is lossType grpo/)
    assert.match(warnings({ warmup_steps: 5, warmup_ratio: 0.1 }), /both set; warmupSteps = 5 counts/)
    assert.match(warnings({ lr_scheduler_type: 'constant', warmup_steps: 5 }), /constant has no warm-up/)
    assert.match(warnings({ loss_type: 'dr_grpo' }), /set scaleRewards to none/)
    assert.equal(warnings({ loss_type: 'dr_grpo', advantage_estimator: 'dr_grpo' }), '')
  })
})
