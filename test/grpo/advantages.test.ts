import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { ConfigError, DataError, ShapeError } from '../../src/errors.js'
import { computeAdvantages, type AdvantageOptions } from '../../src/grpo/advantages.js'
import { completionMetrics } from '../../src/grpo/metrics/completion.js'
import { rewardMetrics } from '../../src/grpo/metrics/reward.js'
import { requireShared } from '../shared.js'
import { assertClose } from './assertClose.js'

interface GoldenAdvantages {
  case: string
  config: {
    num_generations: number
    reward_weights: number[] | null
    scale_rewards: 'group' | 'batch' | 'none'
    multi_objective_aggregation: 'sum_then_normalize' | 'normalize_then_sum'
  }
  inputs: {
    rewards_per_func: (number | null)[][]
    reward_func_names: string[]
    completion_ids: number[][]
    eos_token_ids: number[]
    pad_token_id: number
  }
  outputs: { advantages: number[]; metrics: Record<string, number> }
}

const column = (...rewards: (number | null)[]): (number | null)[][] => rewards.map((reward) => [reward])

describe('grpo/advantages', () => {
  // Standard deviations: 1 and 2 of the groups [1, 2, 3] and [0, 2, 4]; batch: mean 2, √(10 / 5).
  const rewards = column(1, 2, 3, 0, 2, 4)

  it('takes the mean of the group (Dr. GRPO) or of the others (RLOO) as the baseline, by name', () => {
    const of = (
      advantageEstimator: AdvantageOptions['advantageEstimator'],
      values: (number | null)[][] = rewards,
    ): number[] =>
      computeAdvantages(values, { numGenerations: 3, advantageEstimator, scaleRewards: 'batch' }).advantages
    assertClose(of('dr_grpo'), [-1, 0, 1, -2, 0, 2], 1e-12)
    // 1 - (2 + 3) / 2, 2 - (1 + 3) / 2, …
    assertClose(of('rloo'), [-1.5, 0, 1.5, -3, 0, 3], 1e-12)
    // What nobody scored is neither compared nor compared with.
    assertClose(of('rloo', column(1, null, 3, null, 5, null)), [-2, 0, 2, 0, 0, 0], 1e-12)
    assertClose(of('grpo'), of('grpo', rewards), 0)
  })

  it('divides by the unbiased standard deviation of the group, of the batch, or not', () => {
    const of = (scaleRewards: AdvantageOptions['scaleRewards']): number[] =>
      computeAdvantages(rewards, { numGenerations: 3, scaleRewards }).advantages
    const [a, b, c] = [1 / 1.0001, 2 / 2.0001, Math.SQRT2 + 1e-4]
    assertClose(of('group'), [-a, 0, a, -b, 0, b], 1e-12)
    assertClose(of('batch'), [-1 / c, 0, 1 / c, -2 / c, 0, 2 / c], 1e-12)
    assertClose(of('none'), [-1, 0, 1, -2, 0, 2], 1e-12)
  })

  it('weights several rewards and leaves out those that are null', () => {
    const { advantages, rewards } = computeAdvantages(
      [
        [1, 1],
        [null, 4],
        [3, null],
        [null, null],
      ],
      { numGenerations: 4, rewardWeights: [1, 0.5], scaleRewards: 'none' },
    )
    assert.deepEqual(rewards, [1.5, 2, 3, null])
    assertClose(advantages, [1.5 - 6.5 / 3, 2 - 6.5 / 3, 3 - 6.5 / 3, 0], 1e-12)
  })

  it('gives 0 where a group has fewer than two scored completions', () => {
    const { advantages, groupStd } = computeAdvantages(column(5, null, null, null), { numGenerations: 2 })
    assert.deepEqual(advantages, [0, 0, 0, 0])
    assert.deepEqual(groupStd, [NaN, NaN])
  })

  it('gives exactly 0 for equal rewards, also when sums differ by rounding', () => {
    for (const scaleRewards of ['group', 'batch', 'none'] as const) {
      const equal = column(0.2, 0.2, 0.2, 0.7, 0.7, 0.7)
      const { advantages } = computeAdvantages(equal, { numGenerations: 3, scaleRewards })
      assert.ok(advantages.every((advantage) => advantage === 0))
    }
    const sums = [0.1 + 0.2, 0.3, 0.3]
    assert.notEqual(sums[0], sums[1])
    for (const multiObjectiveAggregation of ['sum_then_normalize', 'normalize_then_sum'] as const) {
      const { advantages } = computeAdvantages(column(...sums), { numGenerations: 3, multiObjectiveAggregation })
      assert.deepEqual(advantages, [0, 0, 0])
    }
  })

  it('normalizes each reward first with normalize_then_sum', () => {
    const { advantages, rewards, std } = computeAdvantages(
      [
        [1, 10],
        [3, null],
        [2, 10],
        [6, 30],
      ],
      { numGenerations: 2, rewardWeights: [1, 2], multiObjectiveAggregation: 'normalize_then_sum' },
    )
    assert.deepEqual(rewards, [21, 3, 22, 66])
    // First function: ±1 / (√2 + 1e-4) and ±2 / (2√2 + 1e-4). Second one: one score only, then ±10 / (10√2 + 1e-4).
    const [p, q, r] = [1 / (Math.SQRT2 + 1e-4), 2 / (2 * Math.SQRT2 + 1e-4), 10 / (10 * Math.SQRT2 + 1e-4)]
    const sums = [-p, p, -q - 2 * r, q + 2 * r]
    const deviation = Math.sqrt(sums.reduce((sum, x) => sum + x * x, 0) / 3)
    assertClose(std, [deviation, deviation, deviation, deviation], 1e-12)
    assertClose(
      advantages,
      sums.map((x) => x / (deviation + 1e-4)),
      1e-12,
    )
  })

  it('refuses incomplete groups, wrong weights and rewards that are not numbers', () => {
    assert.throws(() => computeAdvantages(column(1, 2, 3), { numGenerations: 2 }), ShapeError)
    assert.throws(() => computeAdvantages([[1, 2], [1]], { numGenerations: 2 }), ShapeError)
    assert.throws(() => computeAdvantages(rewards, { numGenerations: 2, rewardWeights: [1, 2] }), ConfigError)
    assert.throws(() => computeAdvantages(column(1, NaN), { numGenerations: 2 }), DataError)
    assert.throws(() => computeAdvantages(column(1, Infinity), { numGenerations: 2 }), /Infinity for completion 1/)
  })

  it('agrees with the golden numbers made with TRL', function () {
    const folder = requireShared(this, 'golden', 'advantages')
    const files = fs.readdirSync(folder).filter((file) => file.endsWith('.json'))
    assert.ok(files.length > 15)
    for (const file of files) {
      const golden = JSON.parse(fs.readFileSync(path.join(folder, file), 'utf8')) as GoldenAdvantages
      const { config, inputs, outputs } = golden
      const result = computeAdvantages(inputs.rewards_per_func, {
        numGenerations: config.num_generations,
        rewardWeights: config.reward_weights,
        scaleRewards: config.scale_rewards,
        multiObjectiveAggregation: config.multi_objective_aggregation,
      })
      assertClose(result.advantages, outputs.advantages, 1e-5, `${golden.case} advantages`)
      const ends = [...inputs.eos_token_ids, inputs.pad_token_id]
      const metrics: Record<string, number> = {
        ...rewardMetrics(inputs.reward_func_names, inputs.rewards_per_func, result),
        ...completionMetrics(
          inputs.completion_ids.map((ids) => ids.length),
          inputs.completion_ids.map((ids) => ends.includes(ids.at(-1)!)),
        ),
      }
      const expected = Object.entries(outputs.metrics).filter(([name]) => name !== 'num_tokens')
      assert.deepEqual(Object.keys(metrics).sort(), expected.map(([name]) => name).sort())
      for (const [name, value] of expected) {
        assertClose([metrics[name]!], [value], 1e-5 * Math.max(1, Math.abs(value)), `${golden.case} ${name}`)
      }
    }
  })
})
