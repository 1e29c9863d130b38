import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { FileFormatError } from '../../src/errors.js'
import { Safetensors } from '../../src/io/safetensors.js'
import { writeSafetensors } from '../../src/io/safetensorsWriter.js'
import { parseModelConfig } from '../../src/model/config.js'
import { checkTensors, checkTiedOutputHead, expectedTensors } from '../../src/model/modelTensors.js'
import { useTemporaryFolder } from '../io/temporaryFolder.js'
import { requireShared } from '../shared.js'
import { openFloatWeights } from '../../src/model/weights/floatWeights.js'
import { tinyConfig } from './tinyConfig.js'

const qwen2 = { architectures: ['Qwen2ForCausalLM'], model_type: 'qwen2' }
const qwen3 = { architectures: ['Qwen3ForCausalLM'], model_type: 'qwen3' }

/** The shapes of one layer's tensors, names without the layer's prefix. */
function layerTensors(changes: Record<string, unknown>): Record<string, number[]> {
  const prefix = 'model.layers.1.'
  const tensors = [...expectedTensors(tinyConfig(changes))].filter(([name]) => name.startsWith(prefix))
  return Object.fromEntries(tensors.map(([name, shape]) => [name.slice(prefix.length), shape]))
}

// Names and shapes are those of state_dict() of the same configs in transformers 5.23.
const llamaLayer = {
  'self_attn.q_proj.weight': [8, 8],
  'self_attn.k_proj.weight': [4, 8],
  'self_attn.v_proj.weight': [4, 8],
  'self_attn.o_proj.weight': [8, 8],
  'mlp.gate_proj.weight': [12, 8],
  'mlp.up_proj.weight': [12, 8],
  'mlp.down_proj.weight': [8, 12],
  'input_layernorm.weight': [8],
  'post_attention_layernorm.weight': [8],
}

describe('expectedTensors', () => {
  it('lists a whole model', () => {
    const names = [...expectedTensors(tinyConfig({ num_hidden_layers: 1 })).keys()].sort()
    const layer = Object.keys(llamaLayer).map((name) => `model.layers.0.${name}`)
    assert.deepEqual(names, ['lm_head.weight', 'model.embed_tokens.weight', 'model.norm.weight', ...layer].sort())
    const tensors = expectedTensors(tinyConfig())
    assert.equal(tensors.size, 3 + 2 * 9)
    assert.deepEqual(tensors.get('lm_head.weight'), [40, 8])
    assert.deepEqual(tensors.get('model.embed_tokens.weight'), [40, 8])
    assert.deepEqual(tensors.get('model.norm.weight'), [8])
  })

  it('leaves out the output head of a tied model', () => {
    assert.equal(expectedTensors(tinyConfig({ tie_word_embeddings: true })).has('lm_head.weight'), false)
  })

  it('gives the shapes of a Llama layer, with and without biases', () => {
    assert.deepEqual(layerTensors({}), llamaLayer)
    assert.deepEqual(layerTensors({ attention_bias: true, mlp_bias: true, head_dim: 6 }), {
      ...llamaLayer,
      'self_attn.q_proj.weight': [24, 8],
      'self_attn.q_proj.bias': [24],
      'self_attn.k_proj.weight': [12, 8],
      'self_attn.k_proj.bias': [12],
      'self_attn.v_proj.weight': [12, 8],
      'self_attn.v_proj.bias': [12],
      'self_attn.o_proj.weight': [8, 24],
      'self_attn.o_proj.bias': [8],
      'mlp.gate_proj.bias': [12],
      'mlp.up_proj.bias': [12],
      'mlp.down_proj.bias': [8],
    })
  })

  it('gives the shapes of a Qwen2 layer: biases of q, k and v', () => {
    assert.deepEqual(layerTensors(qwen2), {
      ...llamaLayer,
      'self_attn.q_proj.bias': [8],
      'self_attn.k_proj.bias': [4],
      'self_attn.v_proj.bias': [4],
    })
  })

  it('gives the shapes of a Qwen3 layer: norms of a head size', () => {
    assert.deepEqual(layerTensors({ ...qwen3, head_dim: 2 }), {
      ...llamaLayer,
      'self_attn.q_norm.weight': [2],
      'self_attn.k_norm.weight': [2],
    })
  })
})

describe('checkTensors', () => {
  const config = tinyConfig({ tie_word_embeddings: true })
  const complete = () => expectedTensors(config)

  it('accepts the expected tensors, old rotary buffers and a stored output head of a tied model', () => {
    const tensors = complete()
      .set('model.layers.0.self_attn.rotary_emb.inv_freq', [1])
      .set('model.rotary_emb.inv_freq', [1])
      .set('lm_head.weight', [40, 8])
    checkTensors(config, tensors, 'model.safetensors')
  })

  it('names missing, surplus and wrongly shaped tensors', () => {
    const tensors = complete().set('model.norm.weight', [9]).set('model.norm.bias', [8])
    tensors.delete('model.layers.1.mlp.up_proj.weight')
    assert.throws(
      () => {
        checkTensors(config, tensors, 'model.safetensors')
      },
      (error) =>
        error instanceof FileFormatError &&
        error.file === 'model.safetensors' &&
        error.message.includes('model.layers.1.mlp.up_proj.weight is missing') &&
        error.message.includes('model.norm.weight has shape [9], expected [8]') &&
        error.message.includes("'model.norm.bias' is surplus"),
    )
  })

  it('counts what it does not name', () => {
    assert.throws(() => {
      checkTensors(config, new Map(), 'model.safetensors')
    }, /model.embed_tokens.weight is missing; .*; and 15 more$/)
  })

  it('requires the output head of an untied model', () => {
    const untied = tinyConfig()
    const tensors = expectedTensors(untied)
    tensors.delete('lm_head.weight')
    assert.throws(() => {
      checkTensors(untied, tensors, 'model.safetensors')
    }, /lm_head.weight is missing/)
  })

  for (const name of [
    'llama-bf16',
    'llama-gqa-tied',
    'llama-mha',
    'llama-rope3-sharded',
    'qwen2-gqa-tied',
    'qwen3-tied-newstyle',
  ]) {
    it(`agrees with the header of golden/models/${name}`, function () {
      const folder = requireShared(this, 'golden', 'models', name)
      const file = path.join(folder, 'config.json')
      const config = parseModelConfig(JSON.parse(fs.readFileSync(file, 'utf8')), file)
      const tensors = Safetensors.open(folder)
      const shapes = new Map(tensors.names().map((name) => [name, tensors.info(name).shape]))
      tensors.close()
      checkTensors(config, shapes, folder)
      assert.equal(shapes.size, expectedTensors(config).size)
    })
  }
})

describe('checkTiedOutputHead', () => {
  const temporary = useTemporaryFolder()

  function check(head: number[] | null, tied = true): void {
    const file = temporary('model.safetensors')
    const embedding = {
      name: 'model.embed_tokens.weight',
      dtype: 'F32',
      shape: [1, 2],
      data: Float32Array.of(1, 2),
    } as const
    const stored =
      head && ({ name: 'lm_head.weight', dtype: 'F32', shape: [1, 2], data: Float32Array.from(head) } as const)
    writeSafetensors(file, stored ? [embedding, stored] : [embedding])
    const weights = openFloatWeights(file)
    try {
      checkTiedOutputHead(tinyConfig({ tie_word_embeddings: tied }), weights)
    } finally {
      weights.close()
    }
  }

  it('accepts a tied model without an output head or with an equal one, and any output head of an untied model', () => {
    check(null)
    check([1, 2])
    check([1, 3], false)
  })

  it('refuses an output head that differs from the embedding', () => {
    assert.throws(() => {
      check([1, 3])
    }, /lm_head.weight differs from model.embed_tokens.weight.*set tie_word_embeddings to false/)
  })
})
