import assert from 'node:assert/strict'
import { selectEngine } from '../../src/engine/registry.js'
import { ConfigError } from '../../src/errors.js'
import { gradientVariance } from '../../src/grpo/gradientVariance.js'
import type { RolloutGroup } from '../../src/grpo/rollouts/rollouts.js'
import type { CausalLM } from '../../src/policy/causalLM.js'
import { withPolicy } from './tinyTask.js'

/** The gradient of weights · log π of a group's completions over their number. */
async function gradientOf(policy: CausalLM, group: RolloutGroup, weights: readonly number[]): Promise<Float32Array> {
  const rows = group.completions.map(({ ids }) => ({ promptIds: group.promptIds, completionIds: ids }))
  const sum = new Float32Array(policy.trained!.parameters.values.length)
  const recording = await policy.engineModel.record(rows, { temperature: 1 })
  const each = group.completions.flatMap(({ ids }, i) => ids.map(() => weights[i]! / rows.length))
  await recording.gradient(Float32Array.from(each), null, sum)
  return sum
}

const dot = (a: Float32Array, b: Float32Array): number => a.reduce((sum, value, i) => sum + value * b[i]!, 0)
const near = (actual: number, expected: number, scale: number): void => {
  assert.ok(Math.abs(actual - expected) < 1e-4 * Math.abs(scale), `${actual} instead of ${expected}`)
}

describe('grpo/gradientVariance', () => {
  before(() => selectEngine('cpu'))
  after(() => selectEngine('reference'))

  it('is that of the gradients of the groups, whose common part is the signal', () =>
    withPolicy(async ({ policy, trainerOf }) => {
      const groups = (await trainerOf({}, { maxSteps: 3 }).train()).flatMap((step) => step.groups).slice(0, 2)
      const weigh = ({ completions }: RolloutGroup): number[] => completions.map((_, i) => i - 1)
      const [a, b] = [
        await gradientOf(policy, groups[0]!, weigh(groups[0]!)),
        await gradientOf(policy, groups[1]!, weigh(groups[1]!)),
      ]
      const { variance, signal } = await gradientVariance(policy, groups, weigh)
      // Of two: |a − b|² / 2, and a · b.
      const squares = dot(a, a) + dot(b, b)
      near(variance, squares / 2 - dot(a, b), squares)
      near(signal, dot(a, b), squares)
      const twice = await gradientVariance(policy, groups, (group) => weigh(group).map((weight) => 2 * weight))
      near(twice.variance, 4 * variance, squares)
      const same = await gradientVariance(policy, [groups[0]!, groups[0]!], weigh)
      near(same.variance, 0, squares)
      near(same.signal, dot(a, a), squares)
      await assert.rejects(gradientVariance(policy, groups.slice(0, 1), weigh), ConfigError)
    }))
})
