import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { selectEngine } from '../../src/engine/registry.js'
import { EngineError, ConfigError } from '../../src/errors.js'
import type { GRPOOptions } from '../../src/grpo/config/options.js'
import { parseGRPOConfig } from '../../src/grpo/config/config.js'
import { memoryForecast } from '../../src/grpo/memory/forecast.js'
import { checkMemory } from '../../src/grpo/memory/limits.js'
import { GRPOTrainer } from '../../src/grpo/trainer.js'
import type { TrainingStep } from '../../src/grpo/step.js'
import { loadModel } from '../../src/policy/loadModel.js'
import type { CausalLM, Policy } from '../../src/policy/causalLM.js'
import { memoryInUse } from '../fixtures/policies.js'
import { rowValues } from '../fixtures/tensors.js'
import { temporaryFolder, temporaryTinyModel } from '../fixtures/tinyModel.js'
import { fractionOf, tinyTask, VOCABULARY, withoutTimes } from './tinyTask.js'

const CONFIG: GRPOOptions = {
  numGenerations: 4,
  perDeviceTrainBatchSize: 4,
  maxCompletionLength: 5,
  maxSteps: 6,
  seed: 1,
  learningRate: 0.01,
  lrSchedulerType: 'constant',
  saveSteps: 2,
  beta: 0.05,
}
const rows = [{ promptIds: [1, 2], completionIds: [3, 7, 5] }]

const modelFolder = (): string =>
  temporaryTinyModel({ vocab_size: VOCABULARY, max_position_embeddings: 64 }, { tokenizer: false, dtype: 'BF16' })

/** Trains all weights of the model of a folder, up to a step. */
async function train(
  folder: string,
  options: { outputDir?: string; resume?: boolean; until?: number; config?: GRPOOptions },
): Promise<{ steps: TrainingStep[]; values: Float32Array }> {
  const base = await loadModel(folder)
  const policy = base.trainable()
  const { until = 6, config, ...rest } = options
  try {
    const trainer = new GRPOTrainer({
      policy,
      task: tinyTask(),
      rewards: [fractionOf(7)],
      ...rest,
      config: parseGRPOConfig({ ...CONFIG, ...config }),
    })
    const steps: TrainingStep[] = []
    for await (const step of trainer) {
      steps.push(step)
      if (step.step >= until) break
    }
    return { steps, values: policy.trained.parameters.values.slice() }
  } finally {
    policy.dispose()
    base.dispose()
  }
}

async function withBase(body: (base: CausalLM, policy: Policy) => Promise<void>): Promise<void> {
  const base = await loadModel(modelFolder())
  const policy = base.trainable()
  try {
    await body(base, policy)
  } finally {
    policy.dispose()
    base.dispose()
  }
}

describe('GRPOTrainer of all weights', () => {
  before(() => selectEngine('cpu'))
  after(() => selectEngine('reference'))

  it('learns what is rewarded, samples as it trains, and tells the norms of all modules', async () => {
    const before = memoryInUse()
    const { steps } = await train(modelFolder(), { until: 60, config: { maxSteps: 60, learningRate: 0.005 } })
    const rewards = steps.map(({ metrics }) => metrics.reward!)
    const mean = (list: number[]): number => list.reduce((sum, value) => sum + value, 0) / list.length
    assert.ok(mean(rewards.slice(-10)) > mean(rewards.slice(0, 10)) + 0.3, rewards.join())
    for (const { metrics } of steps) assert.equal(metrics['sampling/sampling_logp_difference/max'], 0)
    const { metrics } = steps.find((step) => step.metrics.grad_norm > 0)!
    const modules = Object.entries(metrics).filter(([name]) => name.startsWith('grad_norm/'))
    assert.deepEqual(
      modules.map(([name]) => name.slice('grad_norm/'.length)),
      'embed_tokens q_proj k_proj v_proj o_proj gate_proj up_proj down_proj input_layernorm post_attention_layernorm norm'.split(
        ' ',
      ),
    )
    const squares = modules.reduce((sum, [, norm]) => sum + norm! ** 2, 0)
    assert.ok(Math.abs(Math.sqrt(squares) - metrics.grad_norm) < 1e-6 * metrics.grad_norm)
    assert.deepEqual(memoryInUse().tensors, before.tensors)
  })

  it('goes on from a checkpoint to the same bits, and leaves a model that loads and computes as the policy', async () => {
    const folder = modelFolder()
    const [whole, parts] = [temporaryFolder(), temporaryFolder()]
    const expected = await train(folder, { outputDir: whole })
    const first = await train(folder, { outputDir: parts, until: 3 })
    const second = await train(folder, { outputDir: parts, resume: true })
    assert.deepEqual(second.values, expected.values)
    assert.deepEqual(withoutTimes([...first.steps, ...second.steps]), withoutTimes(expected.steps))
    assert.deepEqual(fs.readdirSync(path.join(whole, 'model')).toSorted(), ['config.json', 'model.safetensors'])
    assert.ok(!fs.existsSync(path.join(whole, 'adapter')))

    const base = await loadModel(folder)
    const trained = base.withWeights(path.join(whole, 'model'))
    const alone = await loadModel(path.join(whole, 'model'))
    assert.deepEqual(trained.trained.parameters.values, expected.values)
    const values = await rowValues(trained, rows, 1)
    assert.deepEqual(await rowValues(alone, rows, 1), values)
    assert.notDeepEqual(await rowValues(base, rows, 1), values)
    assert.deepEqual(await rowValues(trained, rows, 1, { reference: true }), await rowValues(base, rows, 1))
    for (const model of [trained, base, alone]) model.dispose()
  })

  it('refuses the checkpoint of an adapter, and an adapter that of all weights, and changes nothing', () =>
    withBase(async (base, policy) => {
      const runs = { adapter: temporaryFolder(), model: temporaryFolder() }
      const adapted = base.withLora({ r: 2 })
      const trainerOf = (trained: Policy, outputDir: string, resume: boolean): GRPOTrainer =>
        new GRPOTrainer({
          policy: trained,
          task: tinyTask(),
          rewards: [fractionOf(7)],
          outputDir,
          resume,
          config: parseGRPOConfig({ ...CONFIG, maxSteps: 2 }),
        })
      await trainerOf(adapted, runs.adapter, false).train()
      await trainerOf(policy, runs.model, false).train()
      for (const [trained, outputDir] of [
        [policy, runs.adapter],
        [adapted, runs.model],
      ] as const) {
        const values = trained.trained.parameters.values.slice()
        const files = fs.readdirSync(outputDir, { recursive: true }).toSorted()
        assert.throws(
          () => trainerOf(trained, outputDir, true),
          (error) => error instanceof ConfigError && /adapter was .*(all \d+ weights|rank 2)/.test(error.message),
        )
        assert.deepEqual(trained.trained.parameters.values, values)
        assert.deepEqual(fs.readdirSync(outputDir, { recursive: true }).toSorted(), files)
      }
      adapted.dispose()
    }))

  it('never replaces the model that it starts from', async () => {
    const outputDir = temporaryFolder()
    fs.cpSync(modelFolder(), path.join(outputDir, 'model'), { recursive: true })
    await assert.rejects(train(path.join(outputDir, 'model'), { outputDir }), ConfigError)
  })

  it('is forecast above what it takes, and refused with the advice to train an adapter', () =>
    withBase(async (_base, policy) => {
      const config = parseGRPOConfig({ ...CONFIG, maxSteps: 2 })
      const trainer = new GRPOTrainer({ policy, task: tinyTask(), rewards: [fractionOf(7)], config })
      const before = memoryInUse().bytes!
      await trainer.train()
      const { tensors, weights } = await trainer.memoryForecast
      assert.ok(memoryInUse().bytes! - before < tensors - weights)
      const forecast = await memoryForecast(policy, [10], config)
      const { length } = policy.trained.parameters.values
      assert.equal(forecast.trained, 12 * length)
      assert.equal(forecast.optimizer, 16 * length)
      const large = { ...forecast, trained: 4e9, tensors: 5e9 }
      assert.throws(
        () => {
          checkMemory(large, policy.engine)
        },
        (error) => error instanceof EngineError && error.message.includes('train a LoRA adapter'),
      )
    }))

  it('is not what saveAdapter saves, and saveModel saves nothing else', () =>
    withBase(async (base, policy) => {
      const folder = temporaryFolder()
      await assert.rejects(policy.saveAdapter(folder), ConfigError)
      await assert.rejects(base.saveModel(folder), ConfigError)
      await policy.saveModel(folder)
      const saved = await loadModel(folder)
      assert.deepEqual(await rowValues(saved, rows, 1), await rowValues(base, rows, 1))
      saved.dispose()
    }))
})
