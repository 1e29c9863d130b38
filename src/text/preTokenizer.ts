import { UnsupportedError } from '../errors.js'
import { isJsonObject, quote } from '../io/json.js'

/** The pattern built into the ByteLevel pre-tokenizer, from GPT-2's encoder.py. */
const GPT2_PATTERN = "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+"

/** Ways of splitting that @huggingface/tokenizers does correctly; it takes others for these without a word. */
const BEHAVIORS: Record<string, readonly string[]> = { Split: ['Isolated', 'Removed'], Punctuation: ['Contiguous'] }

/**
 * Checks `pre_tokenizer` of a tokenizer.json and rewrites the parts that @huggingface/tokenizers 0.2.0 splits
 * differently from Hugging Face's Rust library, as a Split with an equivalent pattern: Digits (the library only knows
 * 0-9, Rust every numeric character) and ByteLevel with its own pattern (JavaScript's \s has U+FEFF and lacks U+0085,
 * Unicode's is the other way round; patterns of a Split are translated). Throws an UnsupportedError for what it would
 * split wrongly.
 */
export function preparePreTokenizer(file: string, preTokenizer: unknown): unknown {
  if (!isJsonObject(preTokenizer)) return preTokenizer ?? null
  const { type, behavior = 'Isolated', pretokenizers } = preTokenizer
  const behaviors = BEHAVIORS[type as string]
  if (behaviors !== undefined && !behaviors.includes(behavior as string)) {
    throw new UnsupportedError(
      `${file}: the pre-tokenizer ${quote(type)} with behavior ${quote(behavior)} is not supported; ` +
        `supported is ${behaviors.join(' or ')}`,
    )
  }
  if (type === 'Sequence' && Array.isArray(pretokenizers)) {
    return { ...preTokenizer, pretokenizers: pretokenizers.map((part) => preparePreTokenizer(file, part)) }
  }
  if (type === 'Digits') return split(preTokenizer.individual_digits === true ? '\\p{N}' : '\\p{N}+')
  // A prefix space has to be there before the pattern is applied, which a Split in front would not see.
  if (type === 'ByteLevel' && preTokenizer.use_regex !== false && preTokenizer.add_prefix_space !== true) {
    return { type: 'Sequence', pretokenizers: [split(GPT2_PATTERN), { ...preTokenizer, use_regex: false }] }
  }
  return preTokenizer
}

function split(pattern: string): object {
  return { type: 'Split', pattern: { Regex: pattern }, behavior: 'Isolated', invert: false }
}
