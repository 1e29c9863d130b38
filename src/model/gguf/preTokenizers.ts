import { UnsupportedError } from '../../errors.js'
import { quote } from '../../io/json.js'

/** How the byte-level BPE of a family treats a text, as its tokenizer.json says it. */
export interface TextSplitting {
  readonly normalizer: object | null
  readonly pre_tokenizer: object
  /** Whether a piece that is a token as a whole stays one, whatever the merges make of it. */
  readonly ignoreMerges: boolean
  /** Whether a BOS begins every text where the metadata do not say it. */
  readonly addBos: boolean
}

const split = (pattern: string): object => ({
  type: 'Split',
  pattern: { Regex: pattern },
  behavior: 'Isolated',
  invert: false,
})
const byteLevel = (usesRegex: boolean): object => ({
  type: 'ByteLevel',
  add_prefix_space: false,
  trim_offsets: true,
  use_regex: usesRegex,
})
const sequence = (...pretokenizers: object[]): object => ({ type: 'Sequence', pretokenizers })

/** The pattern of Llama 3 and Qwen 2, which differ in the digits that a number is cut into. */
const words = (digits: string): string =>
  "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|" +
  `${digits}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+`

const llama3: TextSplitting = {
  normalizer: null,
  pre_tokenizer: sequence(split(words('\\p{N}{1,3}')), byteLevel(false)),
  ignoreMerges: true,
  addBos: true,
}
const gpt2: TextSplitting = {
  normalizer: null,
  pre_tokenizer: byteLevel(true),
  ignoreMerges: false,
  addBos: false,
}

/** By tokenizer.ggml.pre, where llama.cpp's converter notes which tokenizer it has recognised. */
const splittings: Readonly<Record<string, TextSplitting>> = {
  'llama-bpe': llama3,
  llama3,
  'llama-v3': llama3,
  // Llama 3's tokenizer without a BOS.
  'smaug-bpe': { ...llama3, addBos: false },
  qwen2: {
    normalizer: { type: 'NFC' },
    pre_tokenizer: sequence(split(words('\\p{N}')), byteLevel(false)),
    ignoreMerges: false,
    addBos: false,
  },
  smollm: { ...gpt2, pre_tokenizer: sequence({ type: 'Digits', individual_digits: true }, byteLevel(true)) },
  'gpt-2': gpt2,
  // What llama.cpp does for a tokenizer that it does not know.
  default: {
    ...gpt2,
    pre_tokenizer: sequence(
      split('[\\p{P}\\$\\+<=>\\^~\\|]+'),
      split("'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)"),
      split('\\p{N}+'),
      split('[0-9][0-9][0-9]'),
      byteLevel(false),
    ),
  },
}

/** The splitting with a name of tokenizer.ggml.pre. Throws an UnsupportedError. */
export function textSplitting(file: string, name: string | undefined): TextSplitting {
  if (name !== undefined && Object.hasOwn(splittings, name)) return splittings[name]!
  throw new UnsupportedError(
    `${file}: ` +
      (name === undefined
        ? 'tokenizer.ggml.pre is missing, so it is not known how texts are split: convert the model again with a recent llama.cpp'
        : `the way of splitting texts that tokenizer.ggml.pre names, ${quote(name)}, is not supported; supported are ` +
          Object.keys(splittings).join(', ')),
  )
}
