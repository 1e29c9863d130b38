import assert from 'node:assert/strict'
import { computeAdvantages, type AdvantageOptions } from '../../../src/grpo/advantages.js'
import { rewardMetrics } from '../../../src/grpo/metrics/reward.js'
import { assertClose } from '../assertClose.js'

const column = (rewards: (number | null)[]): (number | null)[][] => rewards.map((reward) => [reward])

// The golden numbers are compared in advantages.test.ts.
describe('grpo/rewardMetrics', () => {
  it('has the mean and the standard deviation of each reward function and of the weighted sum', () => {
    const perFunction = [
      [1, 0.2],
      [null, 0.2],
      [3, 0.2],
      [3, 0.2],
    ]
    const advantages = computeAdvantages(perFunction, { numGenerations: 2 })
    const metrics = rewardMetrics(['correctness', 'format'], perFunction, advantages)
    assert.deepEqual(Object.keys(metrics), [
      'rewards/correctness/mean',
      'rewards/correctness/std',
      'rewards/format/mean',
      'rewards/format/std',
      'reward',
      'reward_std',
      'frac_reward_zero_std',
    ])
    const total = [1.2, 0.2, 3.2, 3.2]
    const std = Math.sqrt(total.reduce((sum, x) => sum + (x - 1.95) ** 2, 0) / 3)
    assertClose(Object.values(metrics), [7 / 3, Math.sqrt(4 / 3), 0.2, 0, 1.95, std, 0.5], 1e-12)
  })

  it('counts groups without spread where f32 rounding hides them from TRL, but not small real spreads', () => {
    const fractionOf = (
      rewards: (number | null)[],
      scaleRewards: AdvantageOptions['scaleRewards'] = 'group',
    ): number => {
      const advantages = computeAdvantages(column(rewards), { numGenerations: 8, scaleRewards })
      return rewardMetrics(['r'], column(rewards), advantages).frac_reward_zero_std!
    }
    const equal = new Array<number>(8).fill(0.2)
    const almost = [...new Array<number>(7).fill(1.2), 1.2000002]
    const small = [...new Array<number>(7).fill(1.2), 1.20001]
    assert.equal(fractionOf([...equal, ...almost]), 1)
    assert.equal(fractionOf([...equal, ...small]), 0.5)
    assert.equal(fractionOf([...equal, 1, ...new Array<null>(7).fill(null)]), 0.5)
    assert.equal(fractionOf([...equal, ...equal.map((x) => x + 1)], 'batch'), 0)
  })
})
