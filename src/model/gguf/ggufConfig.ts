import { UnsupportedError } from '../../errors.js'
import { quote } from '../../io/json.js'
import { parseModelConfig } from '../config.js'
import type { ModelConfig } from '../config.js'
import { inverseFrequencies } from '../ropeFrequencies.js'
import type { GgufFile } from './ggufFile.js'

/** What llama.cpp calls the architectures that are computed here. */
const architectures: Readonly<Record<string, string>> = {
  llama: 'LlamaForCausalLM',
  qwen2: 'Qwen2ForCausalLM',
  qwen3: 'Qwen3ForCausalLM',
  smollm3: 'SmolLM3ForCausalLM',
}

/** Settings that change what a model computes, and the only value that stands for what is computed here. */
const plainSettings: Readonly<Record<string, number | boolean>> = {
  expert_count: 0,
  'attention.sliding_window': 0,
  'attention.causal': true,
  'attention.scale': 0,
  'attention.clamp_kqv': 0,
  attn_logit_softcapping: 0,
  final_logit_softcapping: 0,
  logit_scale: 0,
  residual_scale: 0,
  embedding_scale: 0,
  'rope.scale_linear': 1,
  'rope.scaling.attn_factor': 1,
  'rope.scaling.yarn_ext_factor': 1,
  'rope.scaling.yarn_log_multiplier': 0,
}

/**
 * The config of a model from the metadata of its GGUF file, with the keys that its config.json had.
 * @throws UnsupportedError for another architecture, a part of a split file or a setting that is not computed here, FileFormatError
 *   for metadata that are missing or do not fit together
 */
export function readGgufConfig(gguf: GgufFile): ModelConfig {
  refuseOtherFiles(gguf)
  const type = gguf.string('general.architecture')
  if (type === undefined) throw gguf.error('general.architecture is missing')
  const architecture = Object.hasOwn(architectures, type) ? architectures[type] : undefined
  if (architecture === undefined) {
    throw new UnsupportedError(
      `${gguf.file}: the architecture ${quote(type)} is not supported; supported are ${Object.keys(architectures).join(', ')}`,
    )
  }
  for (const [name, plain] of Object.entries(plainSettings)) refuseOtherSetting(gguf, `${type}.${name}`, plain)
  const required = (name: string): number => {
    const value = gguf.number(`${type}.${name}`)
    if (value === undefined) throw gguf.error(`${type}.${name} is missing`)
    return value
  }
  const optional = (name: string): number | undefined => gguf.number(`${type}.${name}`)
  const hiddenSize = required('embedding_length')
  const numHeads = required('attention.head_count')
  const headDim = optional('attention.key_length') ?? hiddenSize / numHeads
  for (const name of ['attention.value_length', 'rope.dimension_count']) {
    refuseOtherSetting(gguf, `${type}.${name}`, headDim)
  }
  const hasBias = (part: string): boolean => gguf.tensors.has(`blk.0.${part}.bias`)
  const raw = {
    architectures: [architecture],
    model_type: type,
    vocab_size: vocabularySize(gguf),
    hidden_size: hiddenSize,
    intermediate_size: required('feed_forward_length'),
    num_hidden_layers: required('block_count'),
    num_attention_heads: numHeads,
    num_key_value_heads: optional('attention.head_count_kv') ?? numHeads,
    head_dim: headDim,
    max_position_embeddings: required('context_length'),
    rms_norm_eps: asWritten(required('attention.layer_norm_rms_epsilon')),
    tie_word_embeddings: !gguf.tensors.has('output.weight'),
    attention_bias: hasBias('attn_q'),
    mlp_bias: hasBias('ffn_gate'),
    rope_theta: asWritten(optional('rope.freq_base') ?? 10_000),
    rope_scaling: readRopeScaling(gguf, type),
    ...tokenId(gguf, 'bos_token_id'),
    ...tokenId(gguf, 'eos_token_id'),
  }
  const config = parseModelConfig(raw, gguf.file)
  return gguf.tensors.has('rope_freqs.weight') ? withLlama3Scaling(gguf, config) : config
}

function refuseOtherFiles(gguf: GgufFile): void {
  const type = gguf.string('general.type') ?? 'model'
  if (type !== 'model') {
    throw new UnsupportedError(
      `${gguf.file}: holds something of the type ${quote(type)}; expected a GGUF file with a model`,
    )
  }
  const parts = gguf.number('split.count') ?? 1
  if (parts > 1) {
    throw new UnsupportedError(
      `${gguf.file}: is one of ${parts} files that a model was split into, which is not supported; join them with llama.cpp: ` +
        'llama-gguf-split --merge FIRST-FILE OUTPUT',
    )
  }
}

function refuseOtherSetting(gguf: GgufFile, key: string, plain: number | boolean): void {
  const value = typeof plain === 'number' ? gguf.number(key) : gguf.boolean(key)
  if (value === undefined || value === plain) return
  throw new UnsupportedError(`${gguf.file}: ${key} ${quote(value)} is not supported; supported is ${quote(plain)}`)
}

/** Rows of the token embedding; tokens may be fewer. */
function vocabularySize(gguf: GgufFile): number {
  const embedding = gguf.tensors.get('token_embd.weight')
  if (embedding === undefined) throw gguf.error('has no tensor token_embd.weight')
  const rows = embedding.shape[0]!
  const tokens = gguf.array('tokenizer.ggml.tokens')?.count ?? 0
  if (tokens <= rows) return rows
  throw gguf.error(`has ${tokens} tokens, but an embedding of ${rows}`)
}

function tokenId(gguf: GgufFile, name: string): Record<string, number> {
  const id = gguf.number(`tokenizer.ggml.${name}`)
  return id === undefined ? {} : { [name]: id }
}

/** The shortest decimal number that a float32 one was rounded from: 1e-5, where the file holds 9.99999974e-6. */
function asWritten(value: number): number {
  for (let digits = 1; digits < 9; digits++) {
    const decimal = Number(value.toPrecision(digits))
    if (Math.fround(decimal) === Math.fround(value)) return decimal
  }
  return value
}

function readRopeScaling(gguf: GgufFile, architecture: string): Record<string, unknown> | null {
  const key = (name: string): string => `${architecture}.rope.scaling.${name}`
  const number = (name: string): number | undefined => {
    const value = gguf.number(key(name))
    return value === undefined ? undefined : asWritten(value)
  }
  const type = gguf.string(key('type')) ?? 'none'
  switch (type) {
    case 'none':
      return null
    case 'linear':
      return { rope_type: 'linear', factor: number('factor') }
    case 'yarn':
      return {
        rope_type: 'yarn',
        factor: number('factor'),
        original_max_position_embeddings: number('original_context_length'),
        beta_fast: number('yarn_beta_fast'),
        beta_slow: number('yarn_beta_slow'),
        attention_factor: number('yarn_attn_factor'),
      }
    default:
      throw new UnsupportedError(
        `${gguf.file}: ${key('type')} ${quote(type)} is not supported; supported are none, linear and yarn`,
      )
  }
}

/**
 * Llama 3.1 and its successors stretch their rotary embedding by a factor for each frequency, and llama.cpp keeps these factors instead
 * of the settings that give them. All of these models have the same settings but for the largest factor, so they can be told from it.
 */
function withLlama3Scaling(gguf: GgufFile, config: ModelConfig): ModelConfig {
  const tensor = gguf.tensors.get('rope_freqs.weight')!
  const factors = gguf.readVector(tensor)
  const scaling = {
    rope_type: 'llama3',
    factor: factors.at(-1)!,
    low_freq_factor: 1,
    high_freq_factor: 4,
    original_max_position_embeddings: 8192,
  }
  const isPlain = config.rope.type === 'default' && tensor.shape.length === 1 && scaling.factor > 0
  const scaled = isPlain ? parseModelConfig({ ...config.raw, rope_scaling: scaling }, gguf.file) : config
  const before = inverseFrequencies(config.rope, config.headDim, 1)
  const after = inverseFrequencies(scaled.rope, config.headDim, 1)
  const isAlike = (factor: number, i: number): boolean => Math.abs(before[i]! / after[i]! / factor - 1) < 1e-4
  if (isPlain && factors.length === before.length && factors.every(isAlike)) return scaled
  throw new UnsupportedError(
    `${gguf.file}: the factors of rope_freqs.weight are not those of Llama 3's rotary embedding, and others are not supported`,
  )
}
