import assert from 'node:assert/strict'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { Safetensors } from '../../src/io/safetensors.js'
import { loadModel } from '../../src/policy/loadModel.js'
import { createRandomModel } from '../../src/model/randomModel.js'
import { generate } from '../../src/policy/generate.js'

const config = {
  architectures: ['Qwen2ForCausalLM'],
  vocab_size: 40,
  hidden_size: 16,
  intermediate_size: 24,
  num_hidden_layers: 2,
  num_attention_heads: 2,
  num_key_value_heads: 1,
  max_position_embeddings: 32,
  tie_word_embeddings: true,
  torch_dtype: 'bfloat16',
}

describe('model/randomModel', () => {
  let folder: string
  beforeEach(() => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), 'random-model-'))
  })
  afterEach(() => {
    fs.rmSync(folder, { recursive: true })
  })

  it('writes a model that loads and samples to the end of its completions', async () => {
    const model = await loadModel(createRandomModel(folder, config))
    assert.equal(model.tokenizer, null)
    assert.deepEqual(model.eosTokenIds, [])
    const completions = await generate(model, [[1, 2, 3]], { maxCompletionLength: 5, numGenerations: 3 })
    for (const { ids } of completions.flat()) assert.equal(ids.length, 5)
    assert.equal(completions.flat().length, 3)
    model.dispose()
  })

  it('stores random matrices of the size that keeps hidden states as they are, and norms of ones', () => {
    createRandomModel(folder, config)
    const tensors = Safetensors.open(folder)
    const down = tensors.readFloat32('model.layers.0.mlp.down_proj.weight')
    assert.equal(tensors.info('model.layers.0.mlp.down_proj.weight').dtype, 'BF16')
    const bound = Math.sqrt(3 / 24)
    assert.ok(down.every((value) => Math.abs(value) <= bound * 1.01))
    assert.ok(
      Math.abs(Math.sqrt(down.reduce((sum, value) => sum + value * value, 0) / down.length) - 24 ** -0.5) < 0.02,
    )
    assert.ok(tensors.readFloat32('model.norm.weight').every((value) => value === 1))
    assert.ok(tensors.readFloat32('model.layers.1.self_attn.q_proj.bias').every((value) => value === 0))
    tensors.close()
  })

  it('gives the same weights for the same seed, and others for another', () => {
    const bytes = (name: string, seed: number): Buffer =>
      fs.readFileSync(path.join(createRandomModel(path.join(folder, name), config, { seed }), 'model.safetensors'))
    assert.deepEqual(bytes('a', 3), bytes('b', 3))
    assert.notDeepEqual(bytes('a', 3), bytes('c', 4))
  })
})
