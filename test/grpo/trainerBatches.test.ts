import assert from 'node:assert/strict'
import { selectEngine } from '../../src/engine/registry.js'
import type { TrainingStep } from '../../src/grpo/step.js'
import { adapterValues } from '../fixtures/policies.js'
import { rewardOf, tinyTask, withPolicy } from './tinyTask.js'

/** How many completions each step sampled. */
function sampledBy(steps: readonly TrainingStep[]): number[] {
  return steps.map(({ groups }) => groups.reduce((sum, { completions }) => sum + completions.length, 0))
}

const hasDifference = ({ metrics }: TrainingStep): boolean => 'sampling/sampling_logp_difference/max' in metrics

describe('trainer: batches and losses', () => {
  beforeEach(() => selectEngine('cpu'))
  after(() => selectEngine('reference'))

  it('samples once for several steps, or several times a step, as the sizes of the batches say', async () => {
    const cases: [Record<string, number>, number[]][] = [
      [{ gradientAccumulationSteps: 2 }, [8, 8, 8, 8]],
      [{ gradientAccumulationSteps: 2, stepsPerGeneration: 1 }, [8, 8, 8, 8]],
      [{ gradientAccumulationSteps: 2, stepsPerGeneration: 4 }, [16, 0, 16, 0]],
      [{ gradientAccumulationSteps: 2, stepsPerGeneration: 1, numIterations: 2 }, [4, 4, 4, 4]],
      [{ gradientAccumulationSteps: 2, stepsPerGeneration: 4, numIterations: 2 }, [16, 0, 0, 0]],
      [{ gradientAccumulationSteps: 1, numIterations: 3 }, [4, 0, 0, 4]],
      [{ gradientAccumulationSteps: 3, stepsPerGeneration: 2 }, [16, 8, 16, 8]],
    ]
    for (const [config, expected] of cases) {
      await withPolicy(async ({ policy, trainerOf }) => {
        const before = adapterValues(policy)
        const steps = await trainerOf({}, { ...config, maxSteps: 4 }).train()
        assert.deepEqual(sampledBy(steps), expected, JSON.stringify(config))
        // Where something was sampled, its log-probabilities were compared.
        for (const [i, step] of steps.entries())
          if (expected[i]! > 0) assert.ok(hasDifference(step), JSON.stringify(config))
        const sampled = expected.map((_, i) => expected.slice(0, i + 1).reduce((a, b) => a + b))
        assert.deepEqual(
          steps.map(({ metrics }) => metrics.num_tokens),
          sampled.map((count) => count * 7),
        )
        assert.notDeepEqual(adapterValues(policy), before)
      })
    }
  })

  it('takes the ratio to the policy that sampled when it trains on the same completions again', () =>
    withPolicy(async ({ trainerOf }) => {
      // Every group has some rewarded completions, so that all steps change the adapter.
      const rewards = [rewardOf(({ ids }) => ids.reduce((sum, id) => sum + id, 0) / 100)]
      const config = { numIterations: 3, maxSteps: 6, learningRate: 0.05, epsilon: 0.1 }
      const steps = await trainerOf({ rewards }, config).train()
      for (const [i, { metrics }] of steps.entries()) {
        const isFirst = i % 3 === 0
        // On-policy the loss is minus the mean advantage, 0; later the ratio has moved, some of it beyond the clip.
        assert.equal(Math.abs(metrics.loss) < 1e-6, isFirst, `step ${i + 1} has the loss ${metrics.loss}`)
        assert.equal(metrics['clip_ratio/region_mean'] === 0, isFirst)
        assert.equal(hasDifference(steps[i]!), isFirst)
        if (isFirst) assert.equal(metrics['sampling/sampling_logp_difference/max'], 0)
      }
    }))

  it('answers a problem that comes again anew', () =>
    withPolicy(async ({ trainerOf }) => {
      const config = { learningRate: 0, maxSteps: 4, numGenerations: 4, perDeviceTrainBatchSize: 8 }
      const steps = await trainerOf({ task: tinyTask(1) }, config).train()
      const groups = steps.flatMap((step) => step.groups)
      const answers = groups.map(({ completions }) => completions.map(({ ids }) => ids.join()).join(';'))
      assert.equal(new Set(answers).size, 8)
    }))

  it('makes one large batch of two small ones', async () => {
    // With the same weights the gradient of eight completions is that of two micro-batches of four.
    const norms: number[][] = []
    for (const config of [{ perDeviceTrainBatchSize: 8 }, { gradientAccumulationSteps: 2 }]) {
      await withPolicy(async ({ trainerOf }) => {
        const steps = await trainerOf({}, { ...config, maxSteps: 2, numGenerations: 8, learningRate: 0 }).train()
        norms.push(steps.map(({ metrics }) => metrics.grad_norm))
      })
    }
    // The seed of the second step counts micro-batches.
    assert.ok(norms[0]![0]! > 0)
    assert.ok(Math.abs(norms[0]![0]! - norms[1]![0]!) < 1e-5 * norms[0]![0]!, norms.join(' '))
  })

  it('measures the divergence from the base model with beta, 0 before the first step', () =>
    withPolicy(async ({ trainerOf }) => {
      const kl = (steps: TrainingStep[]): number[] => steps.map(({ metrics }) => metrics.kl!)
      const free = kl(
        await trainerOf({}, { beta: 1e-9, maxSteps: 4, numGenerations: 8, perDeviceTrainBatchSize: 24 }).train(),
      )
      assert.equal(free[0], 0)
      assert.ok(
        free.slice(1).every((value) => value > 0),
        free.join(),
      )
    }))

  it('holds the policy near the base model with a large beta', async () => {
    const last: number[] = []
    for (const beta of [1e-9, 5]) {
      await withPolicy(async ({ trainerOf }) => {
        const config = { beta, maxSteps: 8, numGenerations: 8, perDeviceTrainBatchSize: 24, learningRate: 0.05 }
        last.push((await trainerOf({}, config).train()).at(-1)!.metrics.kl!)
      })
    }
    assert.ok(last[1]! < last[0]! / 3, last.join(' '))
  })

  it('leaves truncated completions out of the loss when told to', () =>
    withPolicy(async ({ policy, trainerOf }) => {
      const before = adapterValues(policy)
      const [step] = await trainerOf(
        {},
        { maskTruncatedCompletions: true, maxSteps: 1, numGenerations: 8, perDeviceTrainBatchSize: 24 },
      ).train()
      // None of them can end by itself.
      assert.equal(step!.metrics['completions/clipped_ratio'], 1)
      assert.ok(step!.metrics.reward_std! > 0)
      assert.deepEqual([step!.metrics.loss, step!.metrics.grad_norm], [0, 0])
      assert.deepEqual(adapterValues(policy), before)
    }))

  it('keeps those that ended in the loss', () =>
    withPolicy(
      async ({ policy, trainerOf }) => {
        const before = adapterValues(policy)
        const config = { maskTruncatedCompletions: true, maxSteps: 1, numGenerations: 24, perDeviceTrainBatchSize: 24 }
        const rewards = [rewardOf(({ ids }) => ids[0]! % 3)]
        const [step] = await trainerOf({ rewards }, config).train()
        const { metrics, groups } = step!
        const ended = groups[0]!.completions.filter(({ finishReason }) => finishReason === 'stop')
        assert.ok(ended.length > 0 && ended.length < 24, `${ended.length} of 24 ended`)
        for (const { ids } of ended) assert.ok([5, 11].includes(ids.at(-1)!))
        assert.equal(metrics['completions/clipped_ratio'], 1 - ended.length / 24)
        const lengths = ended.map(({ ids }) => ids.length)
        assert.equal(metrics['completions/max_terminated_length'], Math.max(...lengths))
        // dapo on-policy: minus the mean advantage of the tokens in the loss.
        const tokens = lengths.reduce((a, b) => a + b)
        const expected = -ended.reduce((sum, { ids, advantage }) => sum + advantage * ids.length, 0) / tokens
        assert.ok(Math.abs(metrics.loss - expected) < 1e-5, `${metrics.loss}, expected ${expected}`)
        assert.notDeepEqual(adapterValues(policy), before)
      },
      { eos_token_id: [5, 11] },
    ))
})
