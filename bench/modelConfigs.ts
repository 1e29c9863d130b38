/** config.json of the models that are measured: sizes are what counts, weights may be random. */
import { parseModelConfig } from '../src/model/config.js'
import type { ModelConfig } from '../src/model/config.js'

/** A Llama of 0.9 M parameters. */
export const tinyLlama = {
  architectures: ['LlamaForCausalLM'],
  model_type: 'llama',
  vocab_size: 512,
  hidden_size: 128,
  intermediate_size: 384,
  num_hidden_layers: 4,
  num_attention_heads: 4,
  max_position_embeddings: 512,
  tie_word_embeddings: true,
  torch_dtype: 'float32',
}

/** SmolLM2-135M. */
export const smolLM2 = {
  architectures: ['LlamaForCausalLM'],
  model_type: 'llama',
  vocab_size: 49152,
  hidden_size: 576,
  intermediate_size: 1536,
  num_hidden_layers: 30,
  num_attention_heads: 9,
  num_key_value_heads: 3,
  max_position_embeddings: 8192,
  rms_norm_eps: 1e-5,
  rope_theta: 100000,
  tie_word_embeddings: true,
  torch_dtype: 'bfloat16',
}

/** Qwen2.5-0.5B. */
export const qwen2 = {
  architectures: ['Qwen2ForCausalLM'],
  model_type: 'qwen2',
  vocab_size: 151936,
  hidden_size: 896,
  intermediate_size: 4864,
  num_hidden_layers: 24,
  num_attention_heads: 14,
  num_key_value_heads: 2,
  max_position_embeddings: 32768,
  rms_norm_eps: 1e-6,
  rope_theta: 1000000,
  tie_word_embeddings: true,
  torch_dtype: 'bfloat16',
}

/** Llama-3.2-1B. */
export const llama32 = {
  architectures: ['LlamaForCausalLM'],
  model_type: 'llama',
  vocab_size: 128256,
  hidden_size: 2048,
  intermediate_size: 8192,
  num_hidden_layers: 16,
  num_attention_heads: 32,
  num_key_value_heads: 8,
  head_dim: 64,
  max_position_embeddings: 131072,
  rms_norm_eps: 1e-5,
  rope_theta: 500000,
  rope_scaling: {
    rope_type: 'llama3',
    factor: 32,
    high_freq_factor: 4,
    low_freq_factor: 1,
    original_max_position_embeddings: 8192,
  },
  tie_word_embeddings: true,
  torch_dtype: 'bfloat16',
}

const shapes = {
  'smollm2-135m': smolLM2,
  'qwen2.5-0.5b': qwen2,
  'qwen2.5-1.5b': {
    ...qwen2,
    hidden_size: 1536,
    intermediate_size: 8960,
    num_hidden_layers: 28,
    num_attention_heads: 12,
  },
  'llama-3.2-1b': llama32,
  'llama-3.2-3b': {
    ...llama32,
    hidden_size: 3072,
    num_hidden_layers: 28,
    num_attention_heads: 24,
    head_dim: 128,
  },
}

/** A model by the name of its sizes. */
export type ModelName = keyof typeof shapes

/** All of them, the smallest first. */
export const modelNames = Object.keys(shapes) as ModelName[]

/** The sizes of a model. */
export function modelConfig(name: ModelName): ModelConfig {
  return parseModelConfig(shapes[name], name)
}
