import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { selectBackend } from '../../src/engine/cpu/selectBackend.js'
import { UnsupportedError } from '../../src/errors.js'
import { GRPOTrainer } from '../../src/grpo/trainer.js'
import { loadModel } from '../../src/policy/causalLM.js'
import { mergeAdapter } from '../../src/model/mergeAdapter.js'
import type { RewardFunction } from '../../src/rewards/reward.js'
import { arithmetic } from '../../src/tasks/generators/arithmetic.js'
import { randomIds, sequenceLogits } from '../fixtures/policies.js'
import { temporaryFolder, writeTinyModel } from '../fixtures/tinyModel.js'
import { pythonWith } from '../python.js'

/** One of each family; every weight differs from every other, tied and untied. */
const models: Record<string, Record<string, unknown>> = {
  llama: { tie_word_embeddings: false },
  qwen2: { architectures: ['Qwen2ForCausalLM'], model_type: 'qwen2' },
  qwen3: { architectures: ['Qwen3ForCausalLM'], model_type: 'qwen3', head_dim: 8 },
}

const refused: Record<string, RegExp> = {
  dora: /DoRA/,
  modulesToSave: /modules that were trained whole/,
  bias: /trained biases/,
  head: /adapter on lm_head/,
  embedding: /adapter on model.embed_tokens/,
  pickled: /adapter_model.bin holds pickled tensors.*safe_serialization=True/,
}

interface Results {
  base: Record<string, number[]>
  ours: Record<string, number[]>
  merged: Record<string, number[]>
  theirs: Record<string, number[]>
}

/** Completions of a random model differ in this. */
const vowels: RewardFunction = {
  name: 'vowels',
  weight: 1,
  score: ({ completion }) => completion.replaceAll(/[^aeiou]/g, '').length,
}

describe('PEFT and transformers', function () {
  this.timeout(300_000)
  const folder = temporaryFolder()
  const ids = randomIds(12, 352, 7)
  const logitsHere: Record<string, { base: Float32Array; adapted: Float32Array }> = {}
  let results: Results

  before(async function () {
    const python = pythonWith(this, 'torch', 'transformers', 'peft')
    await selectBackend('cpu')
    for (const [name, changes] of Object.entries(models)) await trainAndMerge(name, changes)
    fs.writeFileSync(path.join(folder, 'ids.json'), JSON.stringify(ids))
    const program = path.join(import.meta.dirname, 'adapters.py')
    const env = { ...process.env, HF_HUB_OFFLINE: '1', HF_HUB_DISABLE_TELEMETRY: '1', CUDA_VISIBLE_DEVICES: '' }
    const { status, stderr } = spawnSync(python, ['-W', 'ignore', program, folder], { env, encoding: 'utf8' })
    assert.equal(status, 0, stderr)
    results = JSON.parse(fs.readFileSync(path.join(folder, 'results.json'), 'utf8')) as Results
  })

  /** Trains an adapter for some steps, saves it, and merges it. */
  async function trainAndMerge(name: string, changes: Record<string, unknown>): Promise<void> {
    const model = writeTinyModel(path.join(folder, 'models', name), changes)
    const adapter = path.join(folder, 'ours', name)
    const base = await loadModel(model)
    const policy = base.withLora({
      r: 4,
      alpha: 8,
      targetModules: name === 'qwen3' ? ['q_proj', 'up_proj'] : 'all-linear',
    })
    const trainer = new GRPOTrainer({
      ...{ policy, task: arithmetic({ limit: 4 }) },
      // Completions of a random model differ in any case.
      rewards: [vowels],
      config: {
        perDeviceTrainBatchSize: 8,
        gradientAccumulationSteps: 1,
        maxCompletionLength: 8,
        learningRate: 0.05,
        maxSteps: 3,
      },
    })
    await trainer.train()
    policy.saveAdapter(adapter)
    logitsHere[name] = { base: sequenceLogits(base, ids), adapted: sequenceLogits(policy, ids) }
    policy.dispose()
    base.dispose()
    await mergeAdapter({ model, adapter, output: path.join(folder, 'merged', name), maxShardBytes: 20_000 })
  }

  function assertEqual(actual: ArrayLike<number>, expected: readonly number[], what: string): void {
    assert.equal(actual.length, expected.length)
    const largest = expected.reduce((most, value, i) => Math.max(most, Math.abs(value - actual[i]!)), 0)
    assert.ok(largest <= 1e-4, `${what}: logits differ by ${largest}`)
  }

  for (const name of Object.keys(models)) {
    it(`load an adapter trained here on ${name}, and the merged model`, () => {
      const { base, adapted } = logitsHere[name]!
      assertEqual(base, results.base[name]!, 'base')
      assertEqual(adapted, results.ours[name]!, 'adapter')
      assertEqual(adapted, results.merged[name]!, 'merged')
      const change = Math.max(...adapted.map((value, i) => Math.abs(value - base[i]!)))
      assert.ok(change > 0.05, `training changed the logits by ${change} only`)
    })
  }

  it('make adapters that load here with the same logits', async () => {
    const cases = Object.keys(results.theirs).filter((name) => !(name in refused))
    assert.equal(cases.length, 10)
    const base = await loadModel(path.join(folder, 'models', 'llama'))
    for (const name of cases) {
      const policy = base.withAdapter(path.join(folder, 'theirs', name))
      assertEqual(sequenceLogits(policy, ids), results.theirs[name]!, name)
      policy.dispose()
    }
    base.dispose()
  })

  it('make adapters that are refused with the reason', async () => {
    for (const [name, reason] of Object.entries(refused)) {
      const base = await loadModel(path.join(folder, 'models', name === 'bias' ? 'qwen2' : 'llama'))
      assert.throws(
        () => base.withAdapter(path.join(folder, 'theirs', name)),
        (error) => error instanceof UnsupportedError && reason.test(error.message),
        name,
      )
      base.dispose()
    }
  })
})
