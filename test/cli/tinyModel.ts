import fs from 'node:fs'
import path from 'node:path'
import { uniformFloat32 } from 'pure-rand/distribution/uniformFloat32'
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus'
import { writeSafetensors } from '../../src/io/safetensorsWriter.js'
import { parseModelConfig } from '../../src/model/config.js'
import { expectedTensors } from '../../src/model/modelTensors.js'

/** Rows of the embedding: the ids of the tokenizer in test/fixtures/tokenizer and a few that stand for no token. */
const VOCABULARY_SIZE = 352

/**
 * Writes a small Llama of random weights with a byte-level tokenizer and a chat template, in Hugging Face's layout. `changes`
 * are made to its config.json. It loads in milliseconds and answers nonsense.
 */
export function writeTinyModel(folder: string, changes: Record<string, unknown> = {}): void {
  const config = {
    architectures: ['LlamaForCausalLM'],
    model_type: 'llama',
    vocab_size: VOCABULARY_SIZE,
    hidden_size: 16,
    intermediate_size: 24,
    num_hidden_layers: 2,
    num_attention_heads: 4,
    num_key_value_heads: 2,
    max_position_embeddings: 1024,
    tie_word_embeddings: true,
    ...changes,
  }
  fs.mkdirSync(folder, { recursive: true })
  const configFile = path.join(folder, 'config.json')
  fs.writeFileSync(configFile, JSON.stringify(config))
  const tokenizer = path.join(import.meta.dirname, '../fixtures/tokenizer')
  for (const name of ['tokenizer.json', 'tokenizer_config.json', 'generation_config.json']) {
    fs.copyFileSync(path.join(tokenizer, name), path.join(folder, name))
  }
  const random = xoroshiro128plus(1)
  const tensors = [...expectedTensors(parseModelConfig(config, configFile))].map(([name, shape]) => {
    const length = shape.reduce((product, size) => product * size, 1)
    const scale = name.includes('norm') ? 0.1 : 0.5
    const offset = name.includes('norm') ? 1 : 0
    const data = Float32Array.from({ length }, () => offset + scale * (2 * uniformFloat32(random) - 1))
    return { name, dtype: 'F32' as const, shape, data }
  })
  writeSafetensors(path.join(folder, 'model.safetensors'), tensors)
}
