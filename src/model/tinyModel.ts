import fs from 'node:fs'
import path from 'node:path'
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus'
import { atomicWriteJson } from '../io/atomicWrite.js'
import { writeSafetensors } from '../io/safetensorsWriter.js'
import { parseModelConfig } from './config.js'
import { expectedTensors } from './modelTensors.js'
import { normal } from './normal.js'

/** Every character is a token; the two special ones come first. */
const CHARACTERS = '0123456789+='.split('')
const SPECIAL = ['<unk>', '<eos>']

/**
 * Writes a model of random weights that knows the characters of small sums and nothing else: a Llama of 0.2 M parameters
 * in Hugging Face's layout, with its tokenizer. Something to try the whole path with where no pretrained model is at hand;
 * it has to learn everything by trial and error.
 * @returns the folder
 */
export function createTinyModel(
  folder: string,
  options: {
    /** The same seed gives the same weights. Defaults to 0. */
    seed?: number
  } = {},
): string {
  const vocabulary = [...SPECIAL, ...CHARACTERS]
  const config = {
    architectures: ['LlamaForCausalLM'],
    model_type: 'llama',
    vocab_size: vocabulary.length,
    hidden_size: 64,
    intermediate_size: 192,
    num_hidden_layers: 4,
    num_attention_heads: 4,
    num_key_value_heads: 2,
    max_position_embeddings: 64,
    rms_norm_eps: 1e-5,
    rope_theta: 10000,
    tie_word_embeddings: false,
    hidden_act: 'silu',
    eos_token_id: 1,
    torch_dtype: 'float32',
  }
  const random = xoroshiro128plus(options.seed ?? 0)
  const tensors = [...expectedTensors(parseModelConfig(config, 'config.json'))].map(([name, shape]) => ({
    name,
    dtype: 'F32' as const,
    shape,
    data: shape.length === 1 ? ones(shape[0]!) : normal(shape[0]! * shape[1]!, shape[1]! ** -0.5, random),
  }))
  fs.mkdirSync(folder, { recursive: true })
  writeSafetensors(path.join(folder, 'model.safetensors'), tensors)
  atomicWriteJson(path.join(folder, 'generation_config.json'), { eos_token_id: 1 })
  atomicWriteJson(path.join(folder, 'tokenizer.json'), tokenizerJson(vocabulary))
  atomicWriteJson(path.join(folder, 'tokenizer_config.json'), {
    tokenizer_class: 'PreTrainedTokenizerFast',
    eos_token: '<eos>',
    unk_token: '<unk>',
    clean_up_tokenization_spaces: false,
  })
  atomicWriteJson(path.join(folder, 'config.json'), config)
  return folder
}

/** Byte pair encoding without a single merge: text is cut into characters. */
function tokenizerJson(vocabulary: readonly string[]): unknown {
  const flags = { single_word: false, lstrip: false, rstrip: false, normalized: false, special: true }
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: SPECIAL.map((content, id) => ({ id, content, ...flags })),
    normalizer: null,
    pre_tokenizer: { type: 'Split', pattern: { Regex: '[\\s\\S]' }, behavior: 'Isolated', invert: false },
    post_processor: null,
    decoder: { type: 'Fuse' },
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: '<unk>',
      continuing_subword_prefix: '',
      end_of_word_suffix: '',
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: false,
      vocab: Object.fromEntries(vocabulary.map((token, id) => [token, id])),
      merges: [],
    },
  }
}

function ones(size: number): Float32Array {
  return new Float32Array(size).fill(1)
}
