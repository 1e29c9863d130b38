import assert from 'node:assert/strict'
import * as tf from '../../../src/bundled/tfjs.js'
import { selectEngine } from '../../../src/engine/registry.js'
import { kernels } from '../../../src/backend/cpu/kernels/index.js'
import type { LoraOptions } from '../../../src/model/loraOptions.js'
import { packGroups } from '../../../src/engine/cpu/packedBatch.js'
import { loadModel } from '../../../src/policy/loadModel.js'
import type { CausalLM } from '../../../src/policy/causalLM.js'
import { record } from '../../../src/ops/gradients.js'
import { memoryInUse, randomIds, randomPolicy } from '../../fixtures/policies.js'
import { decoderOf } from '../../fixtures/tensors.js'
import { temporaryTinyModel } from '../../fixtures/tinyModel.js'
import { randomTensor, values } from '../../ops/suite.js'

const VOCABULARY = 37

/** What a layer can have, and adapters of it. */
const CASES: Record<string, { model: Record<string, unknown>; lora?: LoraOptions; dtype?: 'BF16' }> = {
  Llama: { model: {} },
  'Llama in bfloat16, LoRA of rank 16': { model: {}, lora: { r: 16, alpha: 8 }, dtype: 'BF16' },
  'Llama, rank 5, one key-value head, all biases': {
    model: { attention_bias: true, mlp_bias: true, num_key_value_heads: 1 },
    lora: { r: 5 },
  },
  'Qwen2, LoRA of some layers': {
    model: { architectures: ['Qwen2ForCausalLM'], model_type: 'qwen2' },
    lora: { targetModules: ['k_proj', 'v_proj', 'down_proj'] },
  },
  'Qwen2, LoRA of q only': {
    model: { architectures: ['Qwen2ForCausalLM'], model_type: 'qwen2' },
    lora: { targetModules: ['q_proj'] },
  },
  'Qwen3, ranks that differ': {
    model: { architectures: ['Qwen3ForCausalLM'], model_type: 'qwen3' },
    lora: { rankPattern: { q_proj: 2, up_proj: 9 } },
  },
  'SmolLM3, a layer without rope': {
    model: { architectures: ['SmolLM3ForCausalLM'], model_type: 'smollm3', no_rope_layers: [1, 0] },
  },
}

/** Groups with completions of odd lengths; of two the prompts begin alike. */
function someBatch(sharePrefixes: boolean) {
  const alike = randomIds(5, VOCABULARY, 1)
  const groups = [
    { promptIds: [...alike, 3, 4], completions: [randomIds(7, VOCABULARY, 2), randomIds(1, VOCABULARY, 3)] },
    { promptIds: [...alike, 9], completions: [randomIds(11, VOCABULARY, 4)] },
    { promptIds: randomIds(50, VOCABULARY, 5), completions: [[], randomIds(30, VOCABULARY, 6)] },
  ]
  return packGroups(groups, { sharePrefixes }).batch
}

/** Runs a body while the backend has no kernels of whole layers: they are composed of single ops. */
function composed<T>(body: () => T): T {
  const name = tf.getBackend()
  const own = kernels
    .filter(({ name }) => name.startsWith('DecoderLayer'))
    .map(({ name: one }) => tf.getKernel(one, name))
  for (const { kernelName } of own) tf.unregisterKernel(kernelName, name)
  try {
    return body()
  } finally {
    for (const kernel of own) tf.registerKernel(kernel)
  }
}

/** Hidden states of a batch, and the gradients of all matrices of the adapter for random gradients of them. */
function evaluate(policy: CausalLM, sharePrefixes: boolean, recomputeLayers = false): Float32Array[] {
  const decoder = decoderOf(policy)
  decoder.lora!.refresh()
  const { variables } = decoder.lora!
  const recording = record(() => [decoder.forward(someBatch(sharePrefixes), { recomputeLayers })])
  const [hidden] = recording.outputs
  const result = values(hidden!).slice()
  const dy = randomTensor(hidden!.shape, 9)
  const gradients = recording.gradients([dy], variables)
  const all = [result, ...gradients.map((gradient) => values(gradient!).slice())]
  tf.dispose([dy, ...gradients.map((gradient) => gradient!)])
  return all
}

describe('a decoder layer as one op', () => {
  after(() => selectEngine('reference'))

  for (const [name, { model, lora = {}, dtype }] of Object.entries(CASES)) {
    for (const threads of [1, 2]) {
      it(`gives the bits of the composition of single ops: ${name}, ${threads} threads`, async () => {
        await selectEngine('cpu', { threads })
        const sizes = { vocab_size: VOCABULARY, hidden_size: 24, intermediate_size: 41, head_dim: 8, ...model }
        const base = await loadModel(temporaryTinyModel(sizes, { tokenizer: false, ...(dtype && { dtype }) }))
        const policy = randomPolicy(base, lora)
        for (const [sharePrefixes, recomputeLayers] of [
          [false, false],
          [true, false],
          [true, true],
        ] as const) {
          const expected = composed(() => evaluate(policy, sharePrefixes, recomputeLayers))
          const before = memoryInUse()
          assert.deepEqual(evaluate(policy, sharePrefixes, recomputeLayers), expected)
          assert.deepEqual(memoryInUse(), before)
          assert.ok(expected.slice(1).every((gradient) => gradient.some((value) => value !== 0)))
        }
        policy.dispose()
        base.dispose()
      })
    }
  }

  it('has the gradients of finite differences, by tfjs’s own tape too', async () => {
    await selectEngine('cpu')
    const base = await loadModel(temporaryTinyModel({ vocab_size: VOCABULARY }, { tokenizer: false }))
    const policy = randomPolicy(base)
    const decoder = decoderOf(policy)
    decoder.lora!.refresh()
    const { variables } = decoder.lora!
    const batch = someBatch(true)
    const weights = randomTensor([batch.tokenIds.length, base.config.hiddenSize], 3)
    const loss = (): tf.Scalar => tf.tidy(() => tf.sum(tf.mul(decoder.forward(batch), weights)))
    const { grads } = tf.variableGrads(loss, [...variables])
    for (const [i, variable] of variables.entries()) {
      const direction = randomTensor(variable.shape, 50 + i)
      const at = (distance: number): number =>
        tf.tidy(() => {
          const before = variable.clone()
          variable.assign(tf.add(before, tf.mul(direction, distance)))
          const hidden = values(decoder.forward(batch))
          const found = values(weights).reduce((sum, weight, j) => sum + weight * hidden[j]!, 0)
          variable.assign(before)
          return found
        })
      const numeric = (at(1e-3) - at(-1e-3)) / 2e-3
      const gradient = values(grads[variable.name]!)
      const analytic = values(direction).reduce((sum, value, j) => sum + value * gradient[j]!, 0)
      const difference = Math.abs(numeric - analytic)
      assert.ok(difference <= 0.03 * Math.max(1, Math.abs(numeric)), `matrix ${i}: ${analytic}, expected ${numeric}`)
    }
    policy.dispose()
    base.dispose()
  })
})
