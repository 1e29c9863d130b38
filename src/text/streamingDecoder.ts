import type { Tokenizer } from './tokenizer.js'

/**
 * What an incomplete UTF-8 character at the end of the ids decodes to; exactly one of them, however many bytes it has.
 */
const REPLACEMENT_CHARACTER = '\uFFFD'
/** Tokens to decode again with each new one. */
const MAX_WINDOW = 16
/** A UTF-8 character has up to four bytes, so among as many successive token boundaries one is a character boundary. */
const MAX_CHARACTER_TOKENS = 4

/**
 * Decodes token ids one by one, as they are generated. What `push` returned for all ids, followed by what `end`
 * returns, is what `tokenizer.decode` gives for all of them: a character whose bytes are spread over several tokens is
 * held back until it is complete.
 *
 * A token's text depends on its neighbours (spaces at the start of the text, characters over several tokens), so `push`
 * decodes the last few tokens together and returns what was added to their text. The cost of a token does not grow with
 * the length of the text.
 */
export class StreamingDecoder {
  readonly #tokenizer: Tokenizer
  /** The last tokens. */
  #window: number[] = []
  /** How much of the window's text has been returned, in UTF-16 units. */
  #emitted = 0
  /** The end of the window's text that has not. */
  #heldBack = ''

  constructor(tokenizer: Tokenizer) {
    this.#tokenizer = tokenizer
  }

  /** Takes the next token and returns the text that is now certain, often one word, '' inside a character. */
  push(id: number): string {
    const text = this.#tokenizer.decode([...this.#window, id])
    this.#window.push(id)
    const complete = text.endsWith(REPLACEMENT_CHARACTER) ? text.length - 1 : text.length
    const added = text.slice(this.#emitted, complete)
    this.#emitted = complete
    this.#heldBack = text.slice(complete)
    if (this.#window.length > MAX_WINDOW) this.#shortenWindow(text)
    return added
  }

  /** Returns what was held back and starts anew. */
  end(): string {
    const rest = this.#heldBack
    this.#window = []
    this.#emitted = 0
    this.#heldBack = ''
    return rest
  }

  /** Drops the first tokens of the window at a place where the rest has the same text without them. */
  #shortenWindow(text: string): void {
    const last = this.#window.length - MAX_CHARACTER_TOKENS
    for (let start = last; start > last - MAX_CHARACTER_TOKENS; start--) {
      const head = this.#tokenizer.decode(this.#window.slice(0, start))
      const tail = this.#tokenizer.decode(this.#window.slice(start))
      // Inside a character each half decodes to a replacement character of its own, so the two are longer than the
      // whole; they may be shorter, where the decoder takes off a space at the start of a text.
      if (tail !== '' && text.endsWith(tail) && head.length + tail.length <= text.length) {
        this.#window = this.#window.slice(start)
        this.#emitted -= text.length - tail.length
        return
      }
    }
  }
}
