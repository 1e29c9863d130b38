import assert from 'node:assert/strict'
import { selectEngine } from '../../../src/engine/registry.js'
import { hasSignal } from '../../../src/grpo/rollouts/dynamicSampling.js'
import type { Task } from '../../../src/tasks/task.js'
import { fractionOf, rewardOf, tinyTask, withPolicy, withoutTimes } from '../tinyTask.js'

/** Problems whose number is even are always right, the others depend on the completion. */
const halfDead = rewardOf(({ ids, meta: { problem } }) =>
  Number(problem.question) % 2 === 0 ? 0.2 : ids.filter((id) => id % 2 === 0).length,
)

function inOrder(task: Task): { task: Task; seen: string[] } {
  const seen: string[] = []
  const prompt: Task['prompt'] = (problem, tokenizer) => {
    seen.push(problem.id)
    return task.prompt(problem, tokenizer)
  }
  return { task: { ...task, prompt }, seen }
}

describe('dynamic sampling', () => {
  before(() => selectEngine('cpu'))
  after(() => selectEngine('reference'))

  const config = {
    dynamicSampling: true,
    perDeviceTrainBatchSize: 16,
    maxSteps: 1,
    shuffleDataset: false,
    maxCompletionLength: 12,
  }

  it('replaces groups that have nothing to teach by groups of further prompts', () =>
    withPolicy(async ({ trainerOf }) => {
      const { task, seen } = inOrder(tinyTask(8))
      const trainer = trainerOf({ task, rewards: [halfDead] }, config)
      seen.length = 0
      const [step] = await trainer.train()
      // Four of the first round: 0 and 2 are dead; then 4 and 5; then 6; then 7.
      assert.deepEqual(
        seen.map((id) => Number(id.slice('tiny/'.length))),
        [0, 1, 2, 3, 4, 5, 6, 7],
      )
      assert.deepEqual(
        step!.groups.map(({ problem }) => problem.question),
        ['1', '3', '5', '7'],
      )
      const { metrics } = step!
      assert.equal(metrics['dynamic_sampling/num_gen_batches'], 4)
      assert.equal(metrics['dynamic_sampling/dropped_groups'], 0.5)
      assert.equal(metrics.frac_reward_zero_std, 0)
      assert.ok(Math.abs(metrics['dynamic_sampling/reward']! - (metrics.reward! + 0.2) / 2) < 1e-9)
    }))

  it('stops after maxNumGenBatches rounds and fills up with what there is', () =>
    withPolicy(async ({ trainerOf }) => {
      const trainer = trainerOf({ task: tinyTask(8), rewards: [halfDead] }, { ...config, maxNumGenBatches: 2 })
      const [step] = await trainer.train()
      assert.equal(step!.metrics['dynamic_sampling/num_gen_batches'], 2)
      assert.deepEqual(
        step!.groups.map(({ problem }) => problem.question),
        ['1', '3', '5', '4'],
      )
      const all = await trainerOf({ task: tinyTask(3), rewards: [rewardOf(() => 1)] }, config).train()
      assert.equal(all[0]!.groups.length, 4)
      assert.equal(all[0]!.metrics.grad_norm, 0)
      assert.equal(all[0]!.metrics['dynamic_sampling/num_gen_batches'], 4)
    }))

  it('answers a problem that comes again in the next round anew', () =>
    withPolicy(async ({ trainerOf }) => {
      const completions: string[] = []
      const reward = rewardOf(({ ids }) => {
        completions.push(ids.join())
        return 1
      })
      await trainerOf({ task: tinyTask(1), rewards: [reward] }, { ...config, perDeviceTrainBatchSize: 4 }).train()
      assert.equal(completions.length, 16)
      assert.equal(new Set(completions).size, 16)
    }))

  it('changes nothing where every group has something to teach', () =>
    withPolicy(async ({ policy, trainerOf }) => {
      const run = async (dynamicSampling: boolean): Promise<unknown> => {
        const rewards = [rewardOf(({ ids }) => ids.reduce((sum, id, i) => sum + id * (i + 1), 0))]
        const steps = await trainerOf({ rewards }, { ...config, dynamicSampling, learningRate: 0 }).train()
        return withoutTimes(steps).map(({ groups }) => groups)
      }
      assert.ok(policy)
      assert.deepEqual(await run(true), await run(false))
    }))

  it('knows a group with signal, also when rewards cancel out or are missing', () => {
    const sum = { multiObjectiveAggregation: 'sum_then_normalize' } as const
    const each = { multiObjectiveAggregation: 'normalize_then_sum' } as const
    const cases: [(number | null)[][], number[], boolean, boolean][] = [
      [[[0.2], [0.2], [0.2]], [1], false, false],
      [[[0.1 + 0.2], [0.3]], [1], false, false],
      [[[0], [1]], [1], true, true],
      [[[0], [1]], [0], false, false],
      [
        [
          [1, 0],
          [0, 1],
        ],
        [1, 1],
        false,
        true,
      ],
      [[[null], [1]], [1], false, false],
      [
        [
          [null, 1],
          [1, 1],
        ],
        [1, 1],
        true,
        false,
      ],
      [[[null], [null]], [1], false, false],
    ]
    for (const [rewards, weights, whenSummed, whenNormalized] of cases) {
      assert.equal(hasSignal({ rewards }, weights, sum), whenSummed, JSON.stringify(rewards))
      assert.equal(hasSignal({ rewards }, weights, each), whenNormalized, JSON.stringify(rewards))
    }
  })

  it('tells the sampler of prompts how hard problems are', () =>
    withPolicy(async ({ trainerOf }) => {
      // The first problem is never solved, the last one always, the others every second time; 0.7 of another reward changes nothing.
      let calls = 0
      const solved = rewardOf(
        ({ meta: { problem } }) => [0, calls % 2, calls++ % 2, 1][Number(problem.question)],
        'mine',
      )
      const rewards = [
        fractionOf(7),
        { ...solved, judges: 'correctness' as const },
        rewardOf(() => 0.7, 'correct_looks'),
      ]
      const pools = { difficultyPools: true, maxSteps: 6, perDeviceTrainBatchSize: 16 }
      const steps = await trainerOf({ task: tinyTask(4), rewards }, pools).train()
      assert.deepEqual(
        ['hard', 'normal', 'easy'].map((name) => steps[0]!.metrics[`difficulty_pools/${name}`]),
        [0.25, 0.5, 0.25],
      )
      const counts = [0, 0, 0, 0]
      for (const { problem } of steps.slice(1).flatMap(({ groups }) => groups)) counts[Number(problem.question)]!++
      assert.ok(counts[1]! + counts[2]! > 12, counts.join())
    }))
})
