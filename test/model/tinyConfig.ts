import { parseModelConfig } from '../../src/model/config.js'
import type { ModelConfig } from '../../src/model/config.js'

/** The config.json of a small Llama, with other values where given; undefined takes a key out. */
export function tinyConfigJson(changes: Record<string, unknown> = {}): Record<string, unknown> {
  const json: Record<string, unknown> = {
    architectures: ['LlamaForCausalLM'],
    model_type: 'llama',
    vocab_size: 40,
    hidden_size: 8,
    intermediate_size: 12,
    num_hidden_layers: 2,
    num_attention_heads: 4,
    num_key_value_heads: 2,
    ...changes,
  }
  return Object.fromEntries(Object.entries(json).filter(([, value]) => value !== undefined))
}

export function tinyConfig(changes: Record<string, unknown> = {}): ModelConfig {
  return parseModelConfig(tinyConfigJson(changes), 'config.json')
}
