import assert from 'node:assert/strict'
import * as tf from '../../../src/bundled/tfjs.js'
import type { EngineRow } from '../../../src/engine/engine.js'
import { addGradients } from '../../../src/engine/cpu/tokenValues.js'
import { packGroups } from '../../../src/engine/cpu/packedBatch.js'
import { selectEngine } from '../../../src/engine/registry.js'
import { record } from '../../../src/ops/gradients.js'
import { generate } from '../../../src/policy/generate.js'
import { loadModel } from '../../../src/policy/loadModel.js'
import type { CausalLM, Policy } from '../../../src/policy/causalLM.js'
import { memoryInUse } from '../../fixtures/policies.js'
import { decoderOf, rowValues } from '../../fixtures/tensors.js'
import { temporaryTinyModel } from '../../fixtures/tinyModel.js'
import { assertClose, randomValues } from '../../ops/suite.js'

const architectures = {
  'Llama, tied': { architectures: ['LlamaForCausalLM'], tie_word_embeddings: true },
  'Qwen2, untied, with biases': {
    architectures: ['Qwen2ForCausalLM'],
    model_type: 'qwen2',
    tie_word_embeddings: false,
  },
  'Qwen3, with norms of heads': {
    architectures: ['Qwen3ForCausalLM'],
    model_type: 'qwen3',
    tie_word_embeddings: true,
    head_dim: 4,
  },
}
const TEMPERATURE = 0.8
const shared = [1, 2, 3]
const rows: EngineRow[] = [
  { promptIds: shared, completionIds: [4, 5, 6, 7] },
  { promptIds: shared, completionIds: [8] },
  { promptIds: [1, 2, 10], completionIds: [11, 12, 1, 2, 3] },
]
const COUNT = 10
const dLogProbs = randomValues(COUNT, 5)
const dEntropies = randomValues(COUNT, 6)

/** Runs a test with all weights of a tiny model of 23 tokens. */
async function withWeights(
  engine: 'cpu' | 'reference',
  config: Record<string, unknown>,
  body: (policy: Policy, base: CausalLM) => Promise<void>,
): Promise<void> {
  await selectEngine(engine)
  const base = await loadModel(temporaryTinyModel({ vocab_size: 23, ...config }, { tokenizer: false }))
  const policy = base.trainable()
  try {
    await body(policy, base)
  } finally {
    policy.dispose()
    base.dispose()
    await selectEngine('reference')
  }
}

/** Σ dLogProb · log π + dEntropy · entropy. */
async function lossOf(policy: CausalLM): Promise<number> {
  const { logProbs, entropies } = await rowValues(policy, rows, TEMPERATURE)
  return [
    [logProbs, dLogProbs],
    [entropies, dEntropies],
  ].reduce((sum, [list, factors]) => {
    const all = (list as number[][]).flat()
    return sum + all.reduce((part, value, i) => part + value * (factors as Float32Array)[i]!, 0)
  }, 0)
}

async function gradientOf(policy: Policy, maxTokens: number | null = null): Promise<Float32Array> {
  const sum = new Float32Array(policy.trained.parameters.values.length)
  const recording = await policy.engineModel.record(rows, { temperature: TEMPERATURE, maxTokens })
  await recording.gradient(dLogProbs, dEntropies, sum)
  return sum
}

describe('engine/cpu: all weights of a model', () => {
  for (const [title, config] of Object.entries(architectures)) {
    it(`have the gradients of finite differences: ${title}`, () =>
      withWeights('reference', config, async (policy) => {
        const { parameters } = policy.trained
        const gradient = await gradientOf(policy)
        const start = parameters.values.slice()
        let at = 0
        for (const [i, { name, values }] of parameters.parameters().entries()) {
          const direction = randomValues(values.length, i + 1)
          const length = Math.hypot(...direction)
          const offset = at
          const lossAt = (distance: number): Promise<number> => {
            const moved = start.slice()
            for (const [j, x] of direction.entries()) moved[offset + j]! += (distance * x) / length
            parameters.setValues(moved)
            return lossOf(policy)
          }
          const numeric = ((await lossAt(1e-2)) - (await lossAt(-1e-2))) / 2e-2
          const analytic = direction.reduce((sum, x, j) => sum + (gradient[offset + j]! * x) / length, 0)
          const limit = 5e-3 * Math.max(1, Math.abs(numeric))
          assert.ok(Math.abs(numeric - analytic) < limit, `${name}: ${analytic}, by finite differences ${numeric}`)
          at += values.length
        }
        parameters.setValues(start)
      }))

    it(`have the reference's gradients on the cpu engine, in one pass, several, and with recomputed layers: ${title}`, async () => {
      let expected: Float32Array = new Float32Array()
      await withWeights('reference', config, async (policy) => void (expected = await gradientOf(policy)))
      await withWeights('cpu', config, async (policy) => {
        for (const maxTokens of [null, 6, 2]) {
          await gradientOf(policy, maxTokens)
          const before = memoryInUse()
          assertClose(await gradientOf(policy, maxTokens), expected, 2e-5)
          assert.deepEqual(memoryInUse(), before)
        }
      })
    })
  }

  it('compute as the model that they were read from, which stays the reference when they change', () =>
    withWeights('cpu', {}, async (policy, base) => {
      const before = await rowValues(base, rows, TEMPERATURE)
      assert.deepEqual(await rowValues(policy, rows, TEMPERATURE), before)
      policy.trained.parameters.update((values) => {
        for (const [i, value] of values.entries()) values[i] = value * 1.1
      })
      assert.notDeepEqual(await rowValues(policy, rows, TEMPERATURE), before)
      assert.deepEqual(await rowValues(policy, rows, TEMPERATURE, { reference: true }), before)
      assert.deepEqual(await rowValues(policy.baseModel, rows, TEMPERATURE), before)
    }))

  it('are sampled from as they are trained, to the bit, after every change', () =>
    withWeights('cpu', {}, async (policy) => {
      for (const factor of [1, 1.2, 0.9]) {
        policy.trained.parameters.update((values) => {
          for (const [i, value] of values.entries()) values[i] = value * factor
        })
        const [completions] = await generate(policy, [[1, 2, 3]], {
          maxCompletionLength: 8,
          numGenerations: 3,
          temperature: TEMPERATURE,
          seed: 1,
        })
        const sampled = completions!.map(({ ids }) => ({ promptIds: [1, 2, 3], completionIds: ids }))
        const { logProbs } = await rowValues(policy, sampled, TEMPERATURE)
        assert.deepEqual(
          logProbs,
          completions!.map((one) => one.logProbs),
        )
      }
    }))

  it("have of the mean cross-entropy the gradient that pre-training takes: a packed batch's", () =>
    withWeights('cpu', {}, async (policy) => {
      const { parameters } = policy.trained
      const sum = new Float32Array(parameters.values.length)
      const recording = await policy.engineModel.record(rows, { temperature: 1 })
      await recording.gradient(new Float32Array(COUNT).fill(-1 / COUNT), null, sum)

      const groups = rows.map(({ promptIds, completionIds }) => ({ promptIds, completions: [completionIds] }))
      const decoder = decoderOf(policy)
      const packed = record(() => decoder.packedValues(packGroups(groups), 1))
      const { variables } = decoder.trained!
      const gradients = packed.gradients([tf.fill([COUNT], -1 / COUNT), null], variables)
      const expected = new Float32Array(sum.length)
      addGradients(gradients, variables, expected)
      assert.ok(expected.some((value) => Math.abs(value) > 0.01))
      assertClose(sum, expected, 1e-6)
    }))
})
