import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { ConfigError, FileFormatError, UnsupportedError } from '../../../src/errors.js'
import { Safetensors } from '../../../src/io/safetensors.js'
import { parseModelConfig } from '../../../src/model/config.js'
import type { ModelConfig } from '../../../src/model/config.js'
import { mergeAdapter } from '../../../src/model/mergeAdapter.js'
import { readModel } from '../../../src/model/readModel.js'
import { expectedTensors } from '../../../src/model/modelTensors.js'
import { openModelWeights } from '../../../src/model/weights/openModelWeights.js'
import { loadModel } from '../../../src/policy/loadModel.js'
import { forEachPiece, widenRows } from '../../../src/quantization/matrixSource.js'
import type { MatrixSource } from '../../../src/quantization/matrixSource.js'
import { fixtureWeight, ggufFixture, writeGguf } from '../../fixtures/gguf/fixture.js'
import type { Tensor, Value } from '../../fixtures/gguf/fixture.js'
import { randomIds, sequenceLogits } from '../../fixtures/policies.js'
import { temporaryFolder } from '../../fixtures/tinyModel.js'

/** What make.py's models have in common, as a config.json. */
const common = {
  vocab_size: 384,
  hidden_size: 32,
  intermediate_size: 64,
  num_hidden_layers: 1,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  max_position_embeddings: 512,
  rms_norm_eps: 1e-5,
  rope_theta: 500_000,
  tie_word_embeddings: true,
}

const models: Record<string, { config: Record<string, unknown>; quantization: string | null; error: number }> = {
  llama: {
    config: {
      model_type: 'llama',
      head_dim: 8,
      attention_bias: true,
      rope_scaling: {
        rope_type: 'llama3',
        factor: 32,
        low_freq_factor: 1,
        high_freq_factor: 4,
        original_max_position_embeddings: 8192,
      },
    },
    quantization: null,
    error: 0,
  },
  qwen2: {
    config: { model_type: 'qwen2', tie_word_embeddings: false },
    quantization: 'Q8_0 (GGUF)',
    error: 0.003,
  },
  qwen3: { config: { model_type: 'qwen3', head_dim: 16 }, quantization: null, error: 0 },
  // Its file says nothing of its kind, so the types of its tensors are told.
  smollm3: {
    config: { model_type: 'smollm3', num_hidden_layers: 4, head_dim: 8 },
    quantization: 'Q4_0 (GGUF)',
    error: 0.07,
  },
}

function readAll(source: MatrixSource): Float32Array {
  const values = new Float32Array(source.shape[0] * source.shape[1])
  forEachPiece(source, (rows, first) => {
    values.set(widenRows(rows), first * source.shape[1])
  })
  return values
}

function withoutRaw(config: ModelConfig): Partial<ModelConfig> {
  const { raw, ...rest } = config
  assert.ok(raw)
  return rest
}

describe('GGUF models', () => {
  for (const [name, { config, quantization, error }] of Object.entries(models)) {
    it(`${name}: has the config and the weights of the model that it was made from`, () => {
      const file = ggufFixture(name)
      const model = readModel(file)!
      assert.equal(model.source, file)
      assert.deepEqual(withoutRaw(model.config), withoutRaw(parseModelConfig({ ...common, ...config }, 'config.json')))
      const weights = openModelWeights(file, model.config)
      assert.equal(weights.quantization, quantization)
      for (const [tensor, shape] of expectedTensors(model.config)) {
        const values = shape.length === 1 ? weights.vector(tensor) : readAll(weights.matrix(tensor))
        const expected = fixtureWeight(tensor, values.length)
        const allowed = shape.length === 1 ? 0 : error
        const wrong = values.findIndex((value, i) => !(Math.abs(value - expected[i]!) <= allowed))
        assert.equal(wrong, -1, `${tensor}[${wrong}] is ${values[wrong]}, expected ${expected[wrong]}`)
      }
      weights.close()
    })
  }

  it('reads any rows of interleaved projections as it reads all of them', () => {
    const file = ggufFixture('llama')
    const weights = openModelWeights(file, readModel(file)!.config)
    for (const name of ['model.layers.0.self_attn.q_proj.weight', 'model.layers.0.self_attn.k_proj.weight']) {
      const source = weights.matrix(name)
      const [out, width] = source.shape
      const all = widenRows(source.read(0, out))
      for (let first = 0; first < out; first++) {
        for (let count = 1; first + count <= out; count++) {
          assert.deepEqual(widenRows(source.read(first, count)), all.subarray(first * width, (first + count) * width))
        }
      }
    }
    weights.close()
  })

  it('load by their file, or by a folder that holds nothing else', async () => {
    const folder = temporaryFolder()
    fs.copyFileSync(ggufFixture('qwen2'), path.join(folder, 'model.gguf'))
    const model = await loadModel(folder)
    assert.equal(model.folder, path.join(folder, 'model.gguf'))
    assert.equal(model.name, model.folder)
    const adapter = path.join(folder, 'adapter')
    const policy = model.withLora({ r: 2 })
    await policy.saveAdapter(adapter)
    const saved = JSON.parse(fs.readFileSync(path.join(adapter, 'adapter_config.json'), 'utf8')) as object
    assert.equal((saved as { base_model_name_or_path: string }).base_model_name_or_path, model.folder)
    model.withAdapter(adapter).dispose()
    assert.throws(() => model.trainable(), ConfigError)
    await assert.rejects(
      mergeAdapter({ model: model.folder, adapter, output: path.join(folder, 'merged') }),
      /model\.gguf is a GGUF file, and adapters are merged into models in Hugging Face's layout/,
    )
    policy.dispose()
    model.dispose()
    fs.copyFileSync(ggufFixture('llama'), path.join(folder, 'other.gguf'))
    await assert.rejects(loadModel(folder), /holds several GGUF files \(model\.gguf, other\.gguf\); name the one/)
  })

  it('that are not quantised can be trained whole, and are saved in the layout of Hugging Face', async () => {
    const folder = temporaryFolder()
    const model = await loadModel(ggufFixture('llama'))
    const policy = model.trainable()
    await policy.saveModel(folder)
    const saved = await loadModel(folder)
    assert.deepEqual(withoutRaw(saved.config), { ...withoutRaw(model.config), torchDtype: 'float32' })
    assert.deepEqual(
      saved.tokenizer!.encode('Natalia sold 48 clips.'),
      model.tokenizer!.encode('Natalia sold 48 clips.'),
    )
    assert.deepEqual(saved.eosTokenIds, model.eosTokenIds)
    const ids = randomIds(20, 384, 3)
    assert.deepEqual(sequenceLogits(saved, ids), sequenceLogits(model, ids))
    const tensors = Safetensors.open(folder)
    const name = 'model.layers.0.self_attn.k_proj.bias'
    assert.deepEqual(tensors.readFloat32(name), fixtureWeight(name, 16))
    tensors.close()
    for (const one of [saved, policy, model]) one.dispose()
  })
})

/** A model of one layer without tokenizer. */
const metadata: Readonly<Record<string, Value>> = {
  'general.architecture': { string: 'llama' },
  'llama.block_count': { uint32: 1 },
  'llama.context_length': { uint32: 64 },
  'llama.embedding_length': { uint32: 4 },
  'llama.feed_forward_length': { uint32: 6 },
  'llama.attention.head_count': { uint32: 2 },
  'llama.attention.layer_norm_rms_epsilon': { float32: 1e-6 },
}

const sizes: Readonly<Record<string, readonly number[]>> = {
  'token_embd.weight': [5, 4],
  'blk.0.attn_norm.weight': [4],
  'blk.0.attn_q.weight': [4, 4],
  'blk.0.attn_k.weight': [4, 4],
  'blk.0.attn_v.weight': [4, 4],
  'blk.0.attn_output.weight': [4, 4],
  'blk.0.ffn_norm.weight': [4],
  'blk.0.ffn_gate.weight': [6, 4],
  'blk.0.ffn_up.weight': [6, 4],
  'blk.0.ffn_down.weight': [4, 6],
  'output_norm.weight': [4],
}

function tensorsOf(shapes: Readonly<Record<string, readonly number[] | null>>): Tensor[] {
  return Object.entries(shapes).flatMap(([name, shape]) =>
    shape === null
      ? []
      : [{ name, shape, type: 0, bytes: new Uint8Array(4 * shape.reduce((product, size) => product * size, 1)) }],
  )
}

describe('GGUF models that are refused', () => {
  const folder = temporaryFolder()
  const open = (changes: Record<string, Value | null>, shapes: Record<string, readonly number[] | null> = {}): void => {
    const entries = Object.entries({ ...metadata, ...changes }).filter(([, value]) => value !== null)
    const file = path.join(folder, 'model.gguf')
    writeGguf(file, Object.fromEntries(entries) as Record<string, Value>, tensorsOf({ ...sizes, ...shapes }))
    openModelWeights(file, readModel(file)!.config).close()
  }

  it('would be accepted without the change', () => {
    open({})
    open({ 'llama.rope.scaling.type': { string: 'yarn' }, 'llama.rope.scaling.factor': { float32: 4 } })
  })

  const changed: [string, Record<string, Value | null>, new (...args: never[]) => Error, RegExp][] = [
    [
      'another architecture',
      { 'general.architecture': { string: 'gemma3' } },
      UnsupportedError,
      /'gemma3'.*llama, qwen2, qwen3, smollm3/,
    ],
    ['a name of Object', { 'general.architecture': { string: 'constructor' } }, UnsupportedError, /'constructor'/],
    ['no architecture', { 'general.architecture': null }, FileFormatError, /general\.architecture is missing/],
    [
      'a number for a text',
      { 'general.architecture': { uint32: 7 } },
      FileFormatError,
      /general\.architecture is 7; expected a string/,
    ],
    ['a missing size', { 'llama.embedding_length': null }, FileFormatError, /llama\.embedding_length is missing/],
    [
      'heads by layer',
      { 'llama.attention.head_count': { int32s: [2] } },
      FileFormatError,
      /llama\.attention\.head_count is an array; expected a number/,
    ],
    [
      'a size of 0',
      { 'llama.attention.head_count': { uint32: 0 } },
      FileFormatError,
      /num_attention_heads must be at least 1/,
    ],
    [
      'too many layers',
      { 'llama.block_count': { uint32: 4_000_000_000 } },
      FileFormatError,
      /num_hidden_layers must be at most/,
    ],
    ['experts', { 'llama.expert_count': { uint32: 8 } }, UnsupportedError, /llama\.expert_count 8 is not supported/],
    ['a sliding window', { 'llama.attention.sliding_window': { uint32: 16 } }, UnsupportedError, /sliding_window 16/],
    [
      'a partial rotation',
      { 'llama.rope.dimension_count': { uint32: 1 } },
      UnsupportedError,
      /rope\.dimension_count 1 is not supported; supported is 2/,
    ],
    [
      'another rotary scaling',
      { 'llama.rope.scaling.type': { string: 'longrope' } },
      UnsupportedError,
      /'longrope' is not supported; supported are none, linear and yarn/,
    ],
    [
      'one of several files',
      { 'split.count': { uint32: 3 } },
      UnsupportedError,
      /one of 3 files.*llama-gguf-split --merge/,
    ],
    ['an adapter', { 'general.type': { string: 'adapter' } }, UnsupportedError, /of the type 'adapter'/],
    [
      'an epsilon that is not finite',
      { 'llama.attention.layer_norm_rms_epsilon': { float32: NaN } },
      FileFormatError,
      /rms_norm_eps/,
    ],
    [
      'more tokens than rows',
      { 'tokenizer.ggml.tokens': { strings: ['a', 'b', 'c', 'd', 'e', 'f'] } },
      FileFormatError,
      /has 6 tokens, but an embedding of 5/,
    ],
  ]
  for (const [what, changes, kind, message] of changed) {
    it(`for ${what}`, () => {
      assert.throws(
        () => {
          open(changes)
        },
        (error: Error) => error instanceof kind && message.test(error.message),
      )
    })
  }

  it('for tensors that are missing, surplus or of another shape', () => {
    const message = /not those of the LlamaForCausalLM that the config describes/
    const changes: Record<string, readonly number[] | null>[] = [
      { 'blk.0.ffn_up.weight': null },
      { 'blk.0.ffn_up.weight': [4, 6] },
      { 'blk.0.attn_norm.weight': [1, 4] },
      { 'blk.1.attn_norm.weight': [4] },
      { 'blk.0.attn_sinks.weight': [4] },
    ]
    for (const shapes of changes) {
      assert.throws(() => {
        open({}, shapes)
      }, message)
    }
    assert.throws(() => {
      open({}, { 'model.norm.weight': [4] })
    }, /has two tensors for model\.norm\.weight: 'output_norm\.weight' and 'model\.norm\.weight'/)
    assert.throws(() => {
      open({}, { 'token_embd.weight': null })
    }, /has no tensor token_embd\.weight/)
    assert.throws(() => {
      open({}, { 'rope_freqs.weight': [1] })
    }, /the factors of rope_freqs\.weight are not those of Llama 3/)
  })
})
