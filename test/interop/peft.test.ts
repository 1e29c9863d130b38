import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import * as tf from '../../src/bundled/tfjs.js'
import { projectionMask } from '../../src/engine/cpu/decoder.js'
import { selectEngine } from '../../src/engine/registry.js'
import { UnsupportedError } from '../../src/errors.js'
import { GRPOTrainer } from '../../src/grpo/trainer.js'
import type { LoraOptions } from '../../src/model/loraOptions.js'
import { projectionName, projectionShape } from '../../src/model/modelTensors.js'
import { dropout } from '../../src/ops/dropout.js'
import { record } from '../../src/ops/gradients.js'
import { loadModel } from '../../src/policy/loadModel.js'
import type { CausalLM } from '../../src/policy/causalLM.js'
import { decoderOf } from '../fixtures/tensors.js'
import { mergeAdapter } from '../../src/model/mergeAdapter.js'
import type { RewardFunction } from '../../src/rewards/reward.js'
import { arithmetic } from '../../src/tasks/generators/arithmetic.js'
import { randomIds, randomPolicy, sequenceBatch, sequenceLogits } from '../fixtures/policies.js'
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

/** Adapters made here with each of the options that PEFT has. */
const options: Record<string, LoraOptions> = {
  rslora: { r: 4, alpha: 6, useRslora: true },
  ranks: { r: 4, alpha: 8, rankPattern: { down_proj: 2, 'layers\\.1\\.self_attn\\.q_proj': 7 } },
  alphas: {
    r: 3,
    alpha: 6,
    useRslora: true,
    alphaPattern: { 'layers.0.*': 2.5, v_proj: 9 },
    rankPattern: { q_proj: 1 },
  },
  oneLayer: { r: 2, alpha: 4, layersToTransform: 1, layersPattern: 'layers' },
  names: { r: 2, targetModules: ['self_attn.q_proj', 'layers.0.mlp.up_proj'] },
  regularExpression: {
    r: 2,
    targetModules: 'model\\.layers\\.[0-9]+\\.mlp\\..*',
    excludeModules: '.*(gate_proj|act_fn)',
  },
  excluded: { r: 2, targetModules: 'all-linear', excludeModules: ['down_proj', 'layers.1.self_attn.k_proj'] },
  dropout: { r: 3, alpha: 9, dropout: 0.25, rankPattern: { up_proj: 2 } },
}

interface Results {
  base: Record<string, number[]>
  ours: Record<string, number[]>
  merged: Record<string, number[]>
  options: Record<string, number[]>
  dropout: { logps: number[]; grads: Record<string, number[]> }
  theirs: Record<string, number[]>
}

/** Completions of a random model differ in this. */
const vowels: RewardFunction = {
  name: 'vowels',
  weight: 1,
  score: ({ completion }) => completion.replaceAll(/[^aeiou]/g, '').length,
}

describe('PEFT and transformers', function () {
  const folder = temporaryFolder()
  const ids = randomIds(12, 352, 7)
  const logitsHere: Record<string, { base: Float32Array; adapted: Float32Array }> = {}
  const optionLogits: Record<string, Float32Array> = {}
  const passDropout = { key: 77, tokenKeys: Int32Array.from(ids, (id, i) => 31 * i + id) }
  let droppedHere: Results['dropout']
  let results: Results

  before(async function () {
    const python = pythonWith(this, 'torch', 'transformers', 'peft')
    await selectEngine('cpu')
    for (const [name, changes] of Object.entries(models)) await trainAndMerge(name, changes)
    await saveOptions()
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
      policy,
      task: arithmetic({ limit: 4 }),
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
    await policy.saveAdapter(adapter)
    logitsHere[name] = { base: sequenceLogits(base, ids), adapted: sequenceLogits(policy, ids) }
    policy.dispose()
    base.dispose()
    await mergeAdapter({ model, adapter, output: path.join(folder, 'merged', name), maxShardBytes: 20_000 })
  }

  /** An adapter for each of the options, its logits, and for dropout the masks of one pass and what comes of them. */
  async function saveOptions(): Promise<void> {
    const base = await loadModel(path.join(folder, 'models', 'llama'))
    for (const [i, [name, lora]] of Object.entries(options).entries()) {
      const policy = randomPolicy(base, lora, 2 + i)
      await policy.saveAdapter(path.join(folder, 'options', name))
      optionLogits[name] = sequenceLogits(policy, ids)
      if (name === 'dropout') {
        fs.writeFileSync(path.join(folder, 'masks.json'), JSON.stringify(masksOf(policy)))
        droppedHere = await droppedPass(policy)
      }
      policy.dispose()
    }
    base.dispose()
  }

  /** What the dropout of each adapted layer multiplies with, [T][in]. */
  function masksOf({ adapter, config }: CausalLM): Record<string, unknown> {
    return Object.fromEntries(
      adapter!.entries.map(({ layer, module }) => {
        const mask = projectionMask(adapter!.dropout, passDropout, layer, module)
        const [, width] = projectionShape(config, module)
        const factors: unknown = tf.tidy(() => dropout(tf.ones([ids.length, width]), mask).arraySync())
        return [projectionName(layer, module), factors]
      }),
    )
  }

  /** Log-probability of each token but the first in a pass with dropout, and the gradients of their sum. */
  async function droppedPass(policy: CausalLM): Promise<Results['dropout']> {
    const targets = Int32Array.from([...ids.slice(1), 0])
    const decoder = decoderOf(policy)
    decoder.lora!.refresh()
    const recording = record(() => {
      const hidden = decoder.forward(sequenceBatch(ids), { dropout: passDropout })
      return [decoder.tokenLogProbs(hidden, targets, 1).logProbs]
    })
    const logps = [...(await recording.outputs[0]!.data())].slice(0, -1)
    const ones = tf.tensor1d(
      targets.map((_, t) => (t < ids.length - 1 ? 1 : 0)),
      'float32',
    )
    const parameters = policy.adapter!.parameters()
    const gradients = recording.gradients([ones], decoder.lora!.variables)
    const grads = parameters.map(({ name }, i) => [name, [...gradients[i]!.dataSync()]] as [string, number[]])
    tf.dispose([ones, ...gradients.filter((gradient) => gradient !== null)])
    return { logps, grads: Object.fromEntries(grads) }
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

  it('load an adapter made here with each of the options, and what they save of it loads here', async () => {
    const base = await loadModel(path.join(folder, 'models', 'llama'))
    for (const name of Object.keys(options)) {
      assertEqual(optionLogits[name]!, results.options[name]!, name)
      const again = base.withAdapter(path.join(folder, 'again', name))
      assert.deepEqual(sequenceLogits(again, ids), optionLogits[name], name)
      again.dispose()
      const change = optionLogits[name]!.map((value, i) => Math.abs(value - results.base.llama![i]!))
      assert.ok(Math.max(...change) > 0.05, `${name} changed the logits by ${Math.max(...change)} only`)
    }
    base.dispose()
  })

  it('leave out the same with dropout, and have the same gradients', () => {
    assertEqual(droppedHere.logps, results.dropout.logps, 'log-probabilities')
    assert.deepEqual(Object.keys(droppedHere.grads).sort(), Object.keys(results.dropout.grads).sort())
    for (const [name, gradient] of Object.entries(droppedHere.grads)) {
      const expected = results.dropout.grads[name]!
      const size = Math.max(...expected.map(Math.abs))
      const largest = Math.max(...expected.map((value, i) => Math.abs(value - gradient[i]!)))
      assert.ok(largest <= 1e-4 * size, `${name}: gradients differ by ${largest} of ${size}`)
    }
  })

  it('make adapters that load here with the same logits', async () => {
    const cases = Object.keys(results.theirs).filter((name) => !(name in refused))
    assert.equal(cases.length, 12)
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
