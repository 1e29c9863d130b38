import * as library from '@huggingface/tokenizers'

/**
 * The part of `@huggingface/tokenizers` that is used here. The package's own declarations import each other without
 * file extensions, which TypeScript does not resolve in ES modules.
 */
export interface HuggingFaceTokenizer {
  /** Makes a text of tokens. */
  readonly decoder?: Decoder | null
  /** Splits what normalizer and pre-tokenizer have made of a text; may be shared between tokenizers. */
  model: { readonly vocab: readonly string[]; readonly unk_token?: string | null }
  /** An id is undefined where neither the vocabulary has the token nor the model an unknown token. */
  encode(text: string, options: { add_special_tokens: boolean }): { ids: (number | undefined)[]; tokens: string[] }
  /** Takes at least one id. */
  decode(ids: number[], options: { skip_special_tokens: boolean; clean_up_tokenization_spaces: boolean }): string
  token_to_id(token: string): number | undefined
  id_to_token(id: number): string | undefined
}

/** A decoder, or several one after another. */
export interface Decoder {
  text_decoder?: TextDecoder
  readonly decoders?: readonly Decoder[]
}

export const HuggingFaceTokenizer = library.Tokenizer as unknown as new (
  json: object,
  config: object,
) => HuggingFaceTokenizer
