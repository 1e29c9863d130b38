import fs from 'node:fs'
import path from 'node:path'
import { ConfigError } from '../errors.js'
import { atomicWriteJson } from '../io/atomicWrite.js'
import { BYTE_CHARACTERS, SPLIT_PATTERN, trainMerges } from './bytePairEncoding.js'

/** Tokens that are never cut: turns of a conversation, the end of one, and the tags around what is thought. */
const END = '<|end|>'
const SPECIAL = [END, '<|user|>', '<|assistant|>', '<|system|>']
const MARKUP = ['<think>', '</think>']

/** A turn is its role's token and its text; the assistant's ends with the end token. */
const CHAT_TEMPLATE =
  "{% for message in messages %}{{ '<|' + message.role + '|>' + message.content }}" +
  `{% if message.role == 'assistant' %}{{ '${END}' }}{% endif %}{% endfor %}` +
  "{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"

/** The end token comes first. */
export const END_TOKEN_ID = 0

/**
 * Makes a tokenizer for some texts, byte-level BPE in Hugging Face's files, in a folder: tokenizer.json, tokenizer_config.json
 * with a chat template, generation_config.json. The same texts give the same files.
 * @throws ConfigError when the vocabulary is too small for the single bytes and the special tokens
 */
export function writeTokenizer(folder: string, texts: Iterable<string>, vocabularySize: number): void {
  const added = [...SPECIAL, ...MARKUP]
  const mergeCount = vocabularySize - added.length - BYTE_CHARACTERS.length
  if (mergeCount < 0) {
    throw new ConfigError(
      `vocabularySize is ${vocabularySize}; it must be at least ${added.length + BYTE_CHARACTERS.length}: one for each byte and special token`,
    )
  }
  const merges = trainMerges(withoutTokens(texts, added), mergeCount)
  const tokens = [...added, ...BYTE_CHARACTERS, ...merges.map(([left, right]) => left + right)]
  const flags = { single_word: false, lstrip: false, rstrip: false, normalized: false }
  fs.mkdirSync(folder, { recursive: true })
  const byteLevel = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: false, use_regex: false }
  atomicWriteJson(path.join(folder, 'tokenizer.json'), {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: added.map((content, id) => ({ id, content, ...flags, special: SPECIAL.includes(content) })),
    normalizer: null,
    pre_tokenizer: {
      type: 'Sequence',
      pretokenizers: [
        { type: 'Split', pattern: { Regex: SPLIT_PATTERN }, behavior: 'Isolated', invert: false },
        byteLevel,
      ],
    },
    post_processor: null,
    decoder: byteLevel,
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: false,
      vocab: Object.fromEntries(tokens.map((token, id) => [token, id])),
      merges,
    },
  })
  atomicWriteJson(path.join(folder, 'tokenizer_config.json'), {
    tokenizer_class: 'PreTrainedTokenizerFast',
    eos_token: END,
    pad_token: END,
    clean_up_tokenization_spaces: false,
    chat_template: CHAT_TEMPLATE,
  })
  atomicWriteJson(path.join(folder, 'generation_config.json'), {
    eos_token_id: END_TOKEN_ID,
    pad_token_id: END_TOKEN_ID,
  })
}

/** The texts between tokens that are not cut. */
function* withoutTokens(texts: Iterable<string>, tokens: readonly string[]): Generator<string> {
  const pattern = new RegExp(tokens.map((token) => token.replace(/[|\\]/g, '\\$&')).join('|'))
  for (const text of texts) yield* text.split(pattern)
}
