import assert from 'node:assert/strict'
import os from 'node:os'
import path from 'node:path'
import { selectEngine } from '../../src/engine/registry.js'
import { ConfigError, DataError } from '../../src/errors.js'
import type { GRPOConfig } from '../../src/grpo/config/config.js'
import type { TrainingStep } from '../../src/grpo/step.js'
import { adapterValues, memoryInUse, sequenceLogits } from '../fixtures/policies.js'
import { temporaryFolder } from '../fixtures/tinyModel.js'
import { fractionOf, tinyTask, withPolicy, withoutTimes } from './tinyTask.js'
import type { Trained } from './tinyTask.js'

/** Metrics of TRL's GRPOTrainer for one reward function `fraction`, the number of skipped steps and three times of our own. */
const METRIC_NAMES = [
  'loss',
  'grad_norm',
  'learning_rate',
  'num_tokens',
  'epoch',
  'step_time',
  'entropy',
  'skipped_steps',
  'rewards/fraction/mean',
  'rewards/fraction/std',
  'reward',
  'reward_std',
  'frac_reward_zero_std',
  'completions/mean_length',
  'completions/min_length',
  'completions/max_length',
  'completions/clipped_ratio',
  'completions/mean_terminated_length',
  'completions/min_terminated_length',
  'completions/max_terminated_length',
  'clip_ratio/low_mean',
  'clip_ratio/low_min',
  'clip_ratio/high_mean',
  'clip_ratio/high_max',
  'clip_ratio/region_mean',
  'sampling/sampling_logp_difference/mean',
  'sampling/sampling_logp_difference/max',
  'sampling_time',
  'tokens_per_second',
]

const rewardsOf = (steps: readonly TrainingStep[]): number[] => steps.map(({ metrics }) => metrics.reward!)
const meanOf = (values: readonly number[]): number => values.reduce((a, b) => a + b) / values.length

describe('trainer', () => {
  beforeEach(() => selectEngine('cpu'))
  after(() => selectEngine('reference'))

  it('learns to write a token that is rewarded', () =>
    withPolicy(async ({ trainerOf }) => {
      const config = { numGenerations: 8, perDeviceTrainBatchSize: 24, maxSteps: 15, learningRate: 0.05 }
      const rewards = rewardsOf(await trainerOf({}, config).train())
      assert.equal(rewards.length, 15)
      // One token in twenty by chance; other seeds reach 0.8 too.
      assert.ok(meanOf(rewards.slice(0, 2)) < 0.2, `starts at ${rewards.join()}`)
      assert.ok(meanOf(rewards.slice(-3)) > 0.6, `ends at ${rewards.join()}`)
    }))

  it('learns nothing at a learning rate of 0', () =>
    withPolicy(async ({ policy, trainerOf }) => {
      const before = adapterValues(policy)
      const config = { numGenerations: 8, perDeviceTrainBatchSize: 24, maxSteps: 5, learningRate: 0 }
      const rewards = rewardsOf(await trainerOf({}, config).train())
      assert.ok(
        rewards.every((reward) => reward < 0.2),
        rewards.join(),
      )
      assert.deepEqual(adapterValues(policy), before)
    }))

  it('reports what TRL reports, by its names', () =>
    withPolicy(async ({ trainerOf }) => {
      const trainer = trainerOf({}, { maxSteps: 3, lrSchedulerType: 'linear', perDeviceTrainBatchSize: 8 })
      const steps = await trainer.train()
      assert.ok(steps.some(({ metrics }) => metrics.grad_norm > 0))
      for (const [i, { step, maxSteps, metrics, groups }] of steps.entries()) {
        assert.deepEqual(
          METRIC_NAMES.filter((name) => !(name in metrics)),
          [],
        )
        assert.ok(Object.values(metrics).every(Number.isFinite), JSON.stringify(metrics))
        assert.deepEqual([step, maxSteps], [i + 1, 3])
        assert.ok(Math.abs(metrics.learning_rate - 0.02 * (1 - i / 3)) < 1e-12)
        // Two groups of four completions of five tokens, each with a prompt of two.
        assert.equal(metrics.num_tokens, (i + 1) * 8 * (5 + 2))
        assert.ok(Math.abs(metrics.epoch - ((i + 1) * 2) / 3) < 1e-12)
        assert.deepEqual(
          ['mean', 'min', 'max'].map((kind) => metrics[`completions/${kind}_length`]),
          [5, 5, 5],
        )
        assert.equal(metrics['completions/clipped_ratio'], 1)
        assert.equal(metrics.grad_norm > 0, metrics.frac_reward_zero_std! < 1)
        assert.ok(metrics.entropy! > 0 && metrics.entropy! < Math.log(20))
        assert.equal(groups.length, 2)
        const rewards = groups.flatMap(({ completions }) => completions.map(({ reward }) => reward!))
        assert.ok(Math.abs(meanOf(rewards) - metrics.reward!) < 1e-12)
        for (const { completions } of groups) {
          assert.equal(completions.length, 4)
          assert.ok(Math.abs(completions.reduce((sum, { advantage }) => sum + advantage, 0)) < 1e-6)
          for (const { ids, reward, rewards: byName, finishReason } of completions) {
            assert.equal(reward, ids.filter((id) => id === 7).length / 5)
            assert.deepEqual(byName, { fraction: reward })
            assert.equal(finishReason, 'length')
          }
        }
      }
    }))

  it('has the log-probabilities of sampling in training, bit for bit', () =>
    withPolicy(async ({ trainerOf }) => {
      const config = { temperature: 0.8, topK: 10, minP: 0.01, repetitionPenalty: 1.1, perDeviceTrainBatchSize: 8 }
      for (const { metrics } of await trainerOf({}, config).train()) {
        assert.equal(metrics['sampling/sampling_logp_difference/mean'], 0)
        assert.equal(metrics['sampling/sampling_logp_difference/max'], 0)
      }
    }))

  it('learns with dropout, and compares sampling with a pass that leaves nothing out', () =>
    withPolicy(
      async ({ trainerOf }) => {
        const steps = await trainerOf({}, { perDeviceTrainBatchSize: 8, maxSteps: 30 }).train()
        for (const { metrics } of steps) {
          assert.equal(metrics['sampling/sampling_logp_difference/mean'], 0)
          assert.equal(metrics['sampling/sampling_logp_difference/max'], 0)
        }
        const rewards = rewardsOf(steps)
        assert.ok(meanOf(rewards.slice(-5)) > meanOf(rewards.slice(0, 5)) + 0.2, rewards.join(' '))
      },
      {},
      { dropout: 0.2 },
    ))

  it('logs the coefficient of the entropy bonus in every step, on high-entropy tokens too', () =>
    withPolicy(async ({ trainerOf }) => {
      for (const topEntropyQuantile of [1, 0.4, 0]) {
        const config = {
          topEntropyQuantile,
          useAdaptiveEntropy: true,
          entropyTarget: 9,
          entropyCoefDelta: 0.25,
          maxSteps: 3,
        }
        const steps = await trainerOf({}, config).train()
        // The entropy is below the target in every step.
        assert.deepEqual(
          steps.map(({ metrics }) => metrics.entropy_coef),
          [0.25, 0.5, 0.75],
        )
        assert.ok(steps.every(({ metrics }) => Number.isFinite(metrics.policy_loss)))
      }
    }))

  it('works on the reference backend, up to rounding like the cpu backend', async () => {
    const results: { steps: TrainingStep[]; adapter: number[] }[] = []
    for (const backend of ['cpu', 'reference'] as const) {
      await selectEngine(backend)
      await withPolicy(async ({ policy, trainerOf }) => {
        const steps = await trainerOf({}, { maxSteps: 2 }).train()
        results.push({ steps, adapter: adapterValues(policy).flatMap((values) => [...values]) })
      })
    }
    const [ours, reference] = results
    for (const [i, { metrics, groups }] of reference!.steps.entries()) {
      assert.ok(metrics['sampling/sampling_logp_difference/max']! < 1e-5)
      const idsOf = ({ completions }: (typeof groups)[number]): number[][] => completions.map(({ ids }) => ids)
      assert.deepEqual(groups.map(idsOf), ours!.steps[i]!.groups.map(idsOf))
      for (const name of ['loss', 'grad_norm', 'entropy', 'reward']) {
        assert.ok(Math.abs(metrics[name]! - ours!.steps[i]!.metrics[name]!) < 1e-4, name)
      }
    }
    // Adam divides by the gradient's size, so where that is tiny, rounding counts; the steps are of 0.02.
    const difference = meanOf(reference!.adapter.map((value, i) => Math.abs(value - ours!.adapter[i]!)))
    assert.ok(difference < 1e-4, `mean difference ${difference}`)
  })

  it('keeps no tensors and no memory from step to step', () =>
    withPolicy(async ({ trainerOf }) => {
      const used = []
      for await (const { step } of trainerOf({}, { beta: 0.01, gradientAccumulationSteps: 2 })) {
        if (step > 1) used.push(memoryInUse()) // the first step may take scratch memory that is kept
      }
      assert.equal(used.length, 5)
      for (const each of used) assert.deepEqual(each, used[0])
    }))

  it('gives the same run for the same seed, with one thread and two', async () => {
    // Large enough that the helper threads are woken.
    const model = { hidden_size: 48, intermediate_size: 96, vocab_size: 200 }
    const config = { perDeviceTrainBatchSize: 8, maxSteps: 3, maxCompletionLength: 12, beta: 0.02 }
    const run = async (threads: number, seed: number, dropout = 0): Promise<unknown> => {
      await selectEngine('cpu', { threads })
      let result: unknown
      const body = async ({ policy, trainerOf }: Trained): Promise<void> => {
        const steps = withoutTimes(await trainerOf({}, { ...config, seed }).train())
        result = { steps, adapter: adapterValues(policy) }
      }
      await withPolicy(body, model, { dropout })
      return result
    }
    try {
      const once = await run(1, 1)
      assert.deepEqual(await run(1, 1), once)
      assert.deepEqual(await run(2, 1), once)
      assert.notDeepEqual(await run(1, 2), once)
      assert.deepEqual(await run(2, 1, 0.3), await run(1, 1, 0.3))
    } finally {
      await selectEngine('cpu', { threads: os.availableParallelism() })
    }
  })

  it('takes seeds as large as a time in milliseconds', () =>
    withPolicy(async ({ trainerOf }) => {
      const idsOf = async (seed: number): Promise<number[][]> => {
        const [step] = await trainerOf({}, { seed, maxSteps: 1, shuffleDataset: false, learningRate: 0 }).train()
        return step!.groups[0]!.completions.map(({ ids }) => ids)
      }
      const seed = 1_700_000_000_000
      assert.deepEqual(await idsOf(seed), await idsOf(seed))
      assert.notDeepEqual(await idsOf(seed), await idsOf(seed + 1))
      await idsOf(Number.MAX_SAFE_INTEGER)
    }))

  it('leaves an adapter that gives the trained model’s logits to the bit when it is loaded', () =>
    withPolicy(async ({ base, policy, trainerOf }) => {
      const outputDir = temporaryFolder()
      await trainerOf({ outputDir }, { maxSteps: 3 }).train()
      const loaded = base.withAdapter(path.join(outputDir, 'adapter'))
      const tokenIds = [1, 2, 7, 7, 3, 19, 0]
      assert.deepEqual(sequenceLogits(loaded, tokenIds), sequenceLogits(policy, tokenIds))
      assert.notDeepEqual(sequenceLogits(loaded, tokenIds), sequenceLogits(base, tokenIds))
      loaded.dispose()
    }))

  it('works out its steps from the epochs', () =>
    withPolicy(async ({ trainerOf }) => {
      // Five problems, one a step.
      const config = { maxSteps: -1, numTrainEpochs: 2 }
      const trainer = trainerOf({ task: tinyTask(5) }, config)
      assert.equal(trainer.maxSteps, 10)
      const steps = await trainer.train()
      assert.equal(steps.length, 10)
      assert.equal(steps.at(-1)!.metrics.epoch, 2)
      const counts = new Map<string, number>()
      for (const { groups } of steps) counts.set(groups[0]!.problem.id, (counts.get(groups[0]!.problem.id) ?? 0) + 1)
      assert.deepEqual([...counts.values()], [2, 2, 2, 2, 2])
      const stepsOf = (changes: Partial<GRPOConfig>): number =>
        trainerOf({ task: tinyTask(5) }, { ...config, ...changes }).maxSteps
      assert.equal(stepsOf({ numTrainEpochs: 0.1 }), 1)
      assert.equal(stepsOf({ perDeviceTrainBatchSize: 8 }), 5)
      assert.equal(stepsOf({ numIterations: 3 }), 30)
      assert.equal(stepsOf({ gradientAccumulationSteps: 2 }), 5)
      assert.equal(stepsOf({ gradientAccumulationSteps: 2, stepsPerGeneration: 1 }), 5)
    }))

  it('refuses what it cannot train with', () =>
    withPolicy(async ({ base, trainerOf }) => {
      await Promise.resolve()
      assert.throws(
        () => trainerOf({ policy: base }),
        (error) => error instanceof ConfigError && error.message.includes('nothing is trained'),
      )
      assert.throws(() => trainerOf({ rewards: [] }), ConfigError)
      assert.throws(
        () => trainerOf({ rewards: [fractionOf(1, 'a'), fractionOf(2, 'b'), fractionOf(3, 'a')] }),
        (error) => error instanceof ConfigError && error.message.includes('same name (a, b, a)'),
      )
      assert.throws(
        () => trainerOf({ task: tinyTask(0) }),
        (error) => error instanceof DataError && error.message.includes('tiny has no problems'),
      )
      assert.throws(() => trainerOf({}, { numGenerations: 3 }), ConfigError)
      assert.throws(
        () => trainerOf({}, { rewardWeights: [1, 2] }),
        (error) => error instanceof ConfigError && error.message.includes('2 weights for 1 reward functions'),
      )
    }))

  it('says of what is no policy, no task and no list of rewards what it got', () =>
    withPolicy(async ({ trainerOf }) => {
      await Promise.resolve()
      const cases: [Record<string, unknown>, RegExp][] = [
        [{ policy: null }, /^the policy is null; expected a model with something to train/],
        [{ policy: {} }, /^the policy is \{\}; expected/],
        [{ policy: Promise.resolve() }, /^the policy is a promise; expected .*await loadModel/],
        [{ rewards: fractionOf(7) }, /^rewards is .*; expected a list of reward functions/],
        [{ task: Promise.resolve(tinyTask()) }, /^task is a promise; expected a task/],
        [{ task: 'gsm8k' }, /^task is 'gsm8k'; expected a task/],
        [{ evalTask: 'gsm8k' }, /^evalTask is 'gsm8k'; expected a task/],
      ]
      for (const [options, message] of cases) {
        assert.throws(
          () => trainerOf(options),
          (error) => error instanceof ConfigError && message.test(error.message),
          String(message),
        )
      }
    }))

  it('trains a policy in one loop at a time, and the one that was there first goes on', () =>
    withPolicy(async ({ trainerOf }) => {
      const [first, second] = [trainerOf({}, { maxSteps: 3 }), trainerOf({}, { maxSteps: 1 })]
      const refused = (error: unknown): boolean =>
        error instanceof ConfigError && error.message.startsWith('the policy is being trained already')
      let steps = 0
      for await (const { step } of first) {
        steps = step
        await assert.rejects(second.train(), refused)
        await assert.rejects(first.train(), refused)
      }
      assert.equal(steps, 3)
      assert.equal((await second.train()).length, 1)
    }))
})
