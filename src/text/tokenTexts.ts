import { StreamingDecoder } from './streamingDecoder.js'
import type { Tokenizer } from './tokenizer.js'

/**
 * Cuts decoded texts into the pieces that their tokens make up. Nearly always a token has the same text wherever it stands, which is
 * looked up; where the pieces do not make up the text (characters that are spread over several tokens, decoders that take off
 * spaces), the tokens are decoded in their context by {@link StreamingDecoder}, some ten times slower.
 */
export class TokenTexts {
  readonly #tokenizer: Tokenizer
  readonly #texts = new Map<number, string>()

  constructor(tokenizer: Tokenizer) {
    this.#tokenizer = tokenizer
  }

  /**
   * The piece of `text` that each token makes up, '' for special tokens and within characters; null when the tokens do not decode
   * to the text.
   */
  of(
    ids: readonly number[],
    text: string, // what the ids decode to, without special tokens
  ): string[] | null {
    const pieces = ids.map((id) => this.#textOf(id))
    if (pieces.join('') === text) return pieces
    const inContext = this.#decodeInContext(ids)
    return inContext.join('') === text ? inContext : null
  }

  #textOf(id: number): string {
    let text = this.#texts.get(id)
    if (text === undefined) {
      // A model may sample ids that its tokenizer does not know: embeddings are often padded.
      const isKnown = this.#tokenizer.idToToken(id) !== undefined
      text = isKnown ? this.#tokenizer.decode([id], { skipSpecialTokens: true }) : ''
      this.#texts.set(id, text)
    }
    return text
  }

  /** Whether a token is special, or unknown: the decoder would keep the text of the one and refuse the other. */
  #isSilent(id: number): boolean {
    if (this.#textOf(id) !== '') return false
    return this.#tokenizer.idToToken(id) === undefined || this.#tokenizer.decode([id]) !== ''
  }

  #decodeInContext(ids: readonly number[]): string[] {
    const decoder = new StreamingDecoder(this.#tokenizer)
    const pieces = ids.map((id) => (this.#isSilent(id) ? '' : decoder.push(id)))
    const last = pieces.pop()
    return last === undefined ? pieces : [...pieces, last + decoder.end()]
  }
}
