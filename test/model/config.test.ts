import assert from 'node:assert/strict'
import fs from 'node:fs'
import fc from 'fast-check'
import { FileFormatError, GrpoError, UnsupportedError } from '../../src/errors.js'
import { parseModelConfig } from '../../src/model/config.js'
import { requireShared } from '../shared.js'
import { tinyConfig, tinyConfigJson } from './tinyConfig.js'

const qwen2 = { architectures: ['Qwen2ForCausalLM'], model_type: 'qwen2' }
const qwen3 = { architectures: ['Qwen3ForCausalLM'], model_type: 'qwen3' }
const smolLM3 = { architectures: ['SmolLM3ForCausalLM'], model_type: 'smollm3' }

describe('parseModelConfig', () => {
  it('reads the sizes and fills in the defaults of Llama', () => {
    const json = tinyConfigJson({ num_key_value_heads: undefined })
    assert.deepEqual(parseModelConfig(json, 'config.json'), {
      architecture: 'LlamaForCausalLM',
      vocabularySize: 40,
      hiddenSize: 8,
      intermediateSize: 12,
      numLayers: 2,
      numHeads: 4,
      numKeyValueHeads: 4,
      headDim: 2,
      rmsNormEpsilon: 1e-6,
      tieWordEmbeddings: false,
      attentionBias: { queryKeyValue: false, output: false },
      mlpBias: false,
      queryKeyNorm: false,
      maxPositions: 2048,
      rope: { type: 'default', theta: 10000 },
      ropeLayers: [true, true],
      torchDtype: null,
      quantization: null,
      raw: json,
    })
  })

  it('takes what is given', () => {
    const config = tinyConfig({
      head_dim: 6,
      rms_norm_eps: 1e-5,
      tie_word_embeddings: true,
      attention_bias: true,
      mlp_bias: true,
      max_position_embeddings: 99,
      rope_theta: 500000,
    })
    assert.equal(config.headDim, 6)
    assert.equal(config.rmsNormEpsilon, 1e-5)
    assert.equal(config.tieWordEmbeddings, true)
    assert.deepEqual(config.attentionBias, { queryKeyValue: true, output: true })
    assert.equal(config.mlpBias, true)
    assert.equal(config.maxPositions, 99)
    assert.deepEqual(config.rope, { type: 'default', theta: 500000 })
  })

  it('knows what is particular to Qwen2, Qwen3 and SmolLM3', () => {
    // Defaults as in the config classes of transformers 5.23.
    const heads = { num_attention_heads: 32, hidden_size: 64, num_key_value_heads: undefined }
    const two = tinyConfig({ ...qwen2, ...heads, attention_bias: false, mlp_bias: true })
    assert.deepEqual(two.attentionBias, { queryKeyValue: true, output: false })
    assert.deepEqual([two.numKeyValueHeads, two.headDim, two.maxPositions, two.mlpBias], [32, 2, 32768, false])
    const three = tinyConfig({ ...qwen3, ...heads, attention_bias: true })
    assert.deepEqual(three.attentionBias, { queryKeyValue: true, output: true })
    assert.deepEqual([three.numKeyValueHeads, three.headDim, three.maxPositions], [32, 128, 32768])
    assert.deepEqual([three.queryKeyNorm, three.tieWordEmbeddings, three.rope.theta], [true, false, 10000])
    const smol = tinyConfig({ ...smolLM3, num_key_value_heads: undefined, mlp_bias: true })
    assert.deepEqual([smol.numKeyValueHeads, smol.tieWordEmbeddings, smol.rope.theta], [4, true, 2000000])
    assert.deepEqual([smol.queryKeyNorm, smol.mlpBias], [false, true])
  })

  it('takes null for num_key_value_heads as the number of heads', () => {
    assert.equal(tinyConfig({ ...qwen2, num_key_value_heads: null }).numKeyValueHeads, 4)
  })

  it('finds the layers of SmolLM3 without rotary embedding', () => {
    const layers = (changes: Record<string, unknown>) => tinyConfig({ ...smolLM3, ...changes }).ropeLayers.map(Number)
    assert.deepEqual(layers({ num_hidden_layers: 9 }), [1, 1, 1, 0, 1, 1, 1, 0, 1])
    assert.deepEqual(layers({ num_hidden_layers: 5, no_rope_layer_interval: 2 }), [1, 0, 1, 0, 1])
    assert.deepEqual(layers({ num_hidden_layers: 3, no_rope_layers: [0, 1, 0, 1] }), [0, 1, 0])
    assert.throws(() => layers({ num_hidden_layers: 3, no_rope_layers: [1] }), /no_rope_layers has 1 entries.*3 layers/)
    assert.throws(() => layers({ no_rope_layers: [1, 2] }), /no_rope_layers.1 must be 0 or 1, got 2/)
  })

  it('reads the dtype under its old and its new name', () => {
    assert.equal(tinyConfig({ torch_dtype: 'bfloat16' }).torchDtype, 'bfloat16')
    assert.equal(tinyConfig({ dtype: 'float32', torch_dtype: 'bfloat16' }).torchDtype, 'float32')
  })

  it('takes the architecture from model_type where architectures is missing', () => {
    assert.equal(tinyConfig({ ...qwen3, architectures: undefined, head_dim: 8 }).architecture, 'Qwen3ForCausalLM')
    assert.equal(tinyConfig({ model_type: undefined }).architecture, 'LlamaForCausalLM')
  })

  it('allows a sliding window that no layer uses', () => {
    tinyConfig({ ...qwen2, use_sliding_window: false, sliding_window: 4096, max_window_layers: 0 })
    tinyConfig({ ...qwen2, use_sliding_window: true, sliding_window: 4096, max_window_layers: 2 })
    tinyConfig({ ...qwen2, use_sliding_window: true, sliding_window: null, max_window_layers: 0 })
    tinyConfig({ ...smolLM3, use_sliding_window: true, sliding_window: 4096, no_rope_layers: [1, 1] })
    tinyConfig({ ...qwen3, head_dim: 8, layer_types: ['full_attention', 'full_attention'], use_sliding_window: true })
  })

  const unsupported: [string, Record<string, unknown>, RegExp][] = [
    [
      'another architecture',
      { architectures: ['MistralForCausalLM'] },
      /'MistralForCausalLM'.*LlamaForCausalLM, Qwen2/,
    ],
    ['another model_type', { architectures: undefined, model_type: 'gemma' }, /'gemma' is not supported/],
    ['no architecture', { architectures: [], model_type: undefined }, /names no architecture; supported are Llama/],
    ['several architectures', { architectures: ['LlamaForCausalLM', 'X'] }, /several architectures/],
    ['experts', { num_experts: 8 }, /mixture of experts \(num_experts is 8\)/],
    ['local experts', { num_local_experts: 8 }, /mixture of experts/],
    ['quantised weights', { quantization_config: { quant_method: 'hqq' } }, /quantised with 'hqq'.*bfloat16/],
    ['compressed weights', { compression_config: { quant_method: 'sparse' } }, /quantised with 'sparse'/],
    ['another activation', { hidden_act: 'gelu' }, /hidden_act 'gelu'.*supported is 'silu'/],
    ['layers that differ', { per_layer_config: { 0: {} } }, /per_layer_config/],
    ['an odd head_dim', { head_dim: 5 }, /odd head_dim \(5\)/],
    [
      'sliding layers',
      { layer_types: ['full_attention', 'sliding_attention'] },
      /layer_types holds 'sliding_attention'/,
    ],
    ['other layers', { layer_types: ['linear_attention'] }, /layer_types holds 'linear_attention'/],
    ['a sliding window', { ...qwen2, use_sliding_window: true, max_window_layers: 1 }, /from layer 1 on/],
    ['the default window', { ...qwen3, use_sliding_window: true, num_hidden_layers: 29 }, /from layer 28 on/],
    [
      'a sliding window of SmolLM3',
      { ...smolLM3, use_sliding_window: true, sliding_window: 64, no_rope_layers: [1, 0] },
      /from layer 1 on/,
    ],
  ]
  for (const [name, changes, message] of unsupported) {
    it(`refuses ${name}`, () => {
      assert.throws(
        () => tinyConfig(changes),
        (error) =>
          error instanceof UnsupportedError && error.message.startsWith('config.json: ') && message.test(error.message),
      )
    })
  }

  const impossible: [string, Record<string, unknown>, RegExp][] = [
    [
      'missing sizes',
      { hidden_size: undefined, vocab_size: undefined },
      /vocab_size is missing; hidden_size is missing/,
    ],
    ['a fraction', { hidden_size: 8.5 }, /hidden_size must be of type int, got 8.5/],
    ['a string', { num_hidden_layers: '2' }, /num_hidden_layers must be of type number, got '2'/],
    ['zero heads', { num_attention_heads: 0 }, /num_attention_heads must be at least 1, got 0/],
    ['an absurd size', { vocab_size: 1e12 }, /vocab_size must be at most 16777216, got 1000000000000/],
    ['a negative epsilon', { rms_norm_eps: -1 }, /rms_norm_eps must be more than 0/],
    ['another type of switch', { tie_word_embeddings: 'yes' }, /tie_word_embeddings must be of type boolean/],
    ['heads that do not divide', { hidden_size: 10 }, /hidden_size 10 is not a multiple of num_attention_heads 4/],
    ['unequal groups', { num_key_value_heads: 3 }, /num_attention_heads 4 is not a multiple of num_key_value_heads 3/],
    ['contradicting names', { model_type: 'qwen2' }, /LlamaForCausalLM, whose model_type is 'llama'.*'qwen2'/],
    ['architectures that are no list', { architectures: 'LlamaForCausalLM' }, /architectures must be a list/],
  ]
  for (const [name, changes, message] of impossible) {
    it(`rejects ${name}`, () => {
      assert.throws(
        () => tinyConfig(changes),
        (error) => error instanceof FileFormatError && message.test(error.message),
      )
    })
  }

  it('rejects what is not an object', () => {
    for (const json of [null, [], 'x', 3]) assert.throws(() => parseModelConfig(json, 'c'), /expected a JSON object/)
  })

  it('answers any value of any key with a config or a named error', () => {
    const keys = [
      ...Object.keys(tinyConfigJson()),
      'head_dim',
      'rope_scaling',
      'rope_parameters',
      'layer_types',
      'dtype',
    ]
    fc.assert(
      fc.property(fc.constantFrom(...keys), fc.jsonValue(), (key, value) => {
        try {
          const config = parseModelConfig({ ...tinyConfigJson(), [key]: value }, 'config.json')
          assert.equal(config.numHeads % config.numKeyValueHeads, 0)
        } catch (error) {
          assert.ok(error instanceof GrpoError, String(error))
        }
      }),
    )
  })

  const reference = [
    ['golden', 'models', 'llama-bf16'],
    ['golden', 'models', 'llama-gqa-tied'],
    ['golden', 'models', 'llama-mha'],
    ['golden', 'models', 'llama-rope3-sharded'],
    ['golden', 'models', 'qwen2-gqa-tied'],
    ['golden', 'models', 'qwen3-tied-newstyle'],
    ['models', 'SmolLM2-135M-Instruct'],
  ]
  for (const parts of reference) {
    it(`reads ${parts.join('/')}`, function () {
      const file = requireShared(this, ...parts, 'config.json')
      const json = JSON.parse(fs.readFileSync(file, 'utf8')) as Record<string, unknown>
      const config = parseModelConfig(json, file)
      assert.equal(config.hiddenSize, json.hidden_size)
      assert.equal(config.numKeyValueHeads, json.num_key_value_heads)
      assert.equal(config.tieWordEmbeddings, json.tie_word_embeddings)
      assert.equal(config.rope.theta, json.rope_theta ?? (json.rope_parameters as { rope_theta: number }).rope_theta)
      assert.equal(config.torchDtype, json.torch_dtype ?? json.dtype)
      assert.equal(config.rope.type, parts.at(-1) === 'llama-rope3-sharded' ? 'llama3' : 'default')
    })
  }
})
