/** The engine xla in bfloat16 and float16 against the cpu engine's float32. */
import assert from 'node:assert/strict'
import type { Engine, Precision } from '../../../src/engine/engine.js'
import { architectures } from '../../fixtures/architectures.js'
import { randomIds, randomPolicy } from '../../fixtures/policies.js'
import { GRPOTrainer } from '../../../src/grpo/trainer.js'
import { fractionOf, tinyTask } from '../../grpo/tinyTask.js'
import { gradientOf, note, printDifferences, ROWS } from './compare.js'
import { both, disposePair, loadTiny, requireXla, VOCABULARY } from './engines.js'

/** Bounds of differences to float32. Weights of tiny models are numbers of bfloat16, so that these are of products alone. */
const BOUNDS: Readonly<Record<Exclude<Precision, 'float32'>, Record<'mean' | 'max' | 'gradient', number>>> = {
  bfloat16: { mean: 0.03, max: 0.5, gradient: 0.05 },
  float16: { mean: 0.01, max: 0.2, gradient: 0.02 },
}

/** Architectures that differ in what is rounded. */
const ARCHITECTURES = [
  'Llama, untied',
  'Llama, tied, all biases, one key-value head',
  'Qwen3, norms of queries and keys',
] as const

const meanOf = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length

for (const [precision, bounds] of Object.entries(BOUNDS)) {
  describe(`engine/xla: ${precision}`, () => {
    let xla: Engine
    before(async function () {
      xla = await requireXla(this, precision as Precision)
    })
    after(printDifferences)

    for (const name of ARCHITECTURES) {
      it(`is near float32: ${name}`, async () => {
        const models = await loadTiny(xla, architectures[name])
        for (const [what, make] of [
          ['adapter', randomPolicy],
          ['all weights', (model: (typeof models)['cpu']) => model.trainable()],
        ] as const) {
          const policies = await both(models, (model) => make(model))
          const values = await both(policies, ({ engineModel }) => engineModel.values(ROWS, { temperature: 1 }))
          for (const key of ['logProbs', 'entropies'] as const) {
            const expected = values.cpu[key].flat()
            const differences = values.xla[key].flat().map((value, i) => Math.abs(value - expected[i]!))
            const [mean, max] = [meanOf(differences), Math.max(...differences)]
            note(`${precision}: ${key}, mean of a batch`, mean)
            note(`${precision}: ${key}, of a token`, max)
            assert.ok(mean <= bounds.mean && max <= bounds.max, `${key} differ by ${mean}, at most ${max}`)
            assert.ok(max > 1e-6, 'it computes in float32')
          }
          const gradients = await both(policies, (policy) => gradientOf(policy, ROWS))
          assert.ok(gradients.xla.every(Number.isFinite))
          const difference = Math.hypot(...gradients.cpu.map((value, i) => value - gradients.xla[i]!))
          const share = difference / Math.hypot(...gradients.cpu)
          note(`${precision}: gradient (${what}), as a share of its norm`, share)
          assert.ok(share <= bounds.gradient, `the gradient differs by ${share} of its norm`)
          disposePair(policies)
        }
        disposePair(models)
      })
    }

    it('samples as it trains, within what it says', async () => {
      const { samplingTolerance, expectedDifference } = xla.info
      assert.equal(samplingTolerance, null)
      const models = await loadTiny(xla)
      const policies = await both(models, (model) => randomPolicy(model))
      const prompts = [9, 1, 18].map((length) => randomIds(length, VOCABULARY, length))
      const options = { maxCompletionLength: 24, numGenerations: 8, seed: 1, temperature: 0.9 }
      const sampled = (await policies.xla.engineModel.generate(prompts, options)).flat()
      const rows = sampled.map(({ ids }, i) => ({ promptIds: prompts[Math.floor(i / 8)]!, completionIds: ids }))
      const { logProbs } = await policies.xla.engineModel.values(rows, { temperature: 0.9 })
      const differences = sampled.flatMap((completion, i) =>
        completion.logProbs.map((value, t) => Math.abs(value - logProbs[i]![t]!)),
      )
      const [mean, max] = [meanOf(differences), Math.max(...differences)]
      note(`${precision}: sampling and training, mean of a batch`, mean)
      note(`${precision}: sampling and training, of a token`, max)
      assert.ok(mean <= expectedDifference!.mean && max <= expectedDifference!.max, `mean ${mean}, max ${max}`)
      for (const pair of [policies, models]) disposePair(pair)
    })

    it('takes training steps, corrected by importance sampling', async () => {
      const models = await loadTiny(xla, { vocab_size: 20 })
      const policy = models.xla.withLora({ r: 4, alpha: 8, seed: 1 })
      const config = { numGenerations: 8, perDeviceTrainBatchSize: 24, maxSteps: 15, maxCompletionLength: 5 } as const
      const trainer = new GRPOTrainer({
        policy,
        task: tinyTask(),
        rewards: [fractionOf(7)],
        config: { ...config, seed: 1, learningRate: 0.05, lrSchedulerType: 'constant', beta: 0.01 },
      })
      const steps = await trainer.train()
      const rewards = steps.map(({ metrics }) => metrics.reward!)
      for (const { metrics } of steps) {
        assert.ok(Object.values(metrics).every(Number.isFinite), JSON.stringify(metrics))
        assert.ok(Math.abs(metrics['sampling/importance_sampling_ratio/mean']! - 1) < 0.05)
      }
      assert.ok(meanOf(rewards.slice(-3)) > meanOf(rewards.slice(0, 3)) + 0.3, rewards.join(' '))
      policy.dispose()
      disposePair(models)
    })
  })
}
