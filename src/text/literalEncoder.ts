import { DataError, UnsupportedError } from '../errors.js'
import type { ChatMessage } from './chatTemplate.js'
import type { AddedToken, TokenizerJson } from './tokenizerFiles.js'
import { HuggingFaceTokenizer } from './tokenizersLibrary.js'

const NO_MODEL = { type: 'BPE', vocab: {}, merges: [] }
const PRIVATE_USE_AREA = { first: 0xe000, last: 0xf8ff }

/**
 * Encodes text in which the strings of special tokens are ordinary text, as transformers does with
 * `split_special_tokens`. Without it a question that quotes `<|im_end|>` would end the user's turn. Only tokens with
 * `special: true` count: `<think>` and the like, which are not special, stay one token wherever they stand.
 *
 * The tokenizers library has no such option, so the text goes to a second tokenizer: same model (shared, not copied),
 * same normalizer and pre-tokenizer, but without the special tokens. What is left is split by the library's own code,
 * and the text around a special token's string is one run with it.
 *
 * In a chat, the special tokens that the template writes must remain. They are told from those inside the messages by
 * characters that occur nowhere in the chat (Unicode's private use area): in the messages each special token becomes
 * such a character before the template is rendered. A template that trims, splits or searches a message works on it as
 * before, since the character is neither white space nor part of any markup. Any special token in the rendered text is
 * then the template's; it becomes another unused character, which the second tokenizer knows as that token, and those
 * of the messages become text again.
 */
export class LiteralEncoder {
  readonly #file: string
  readonly #library: HuggingFaceTokenizer
  readonly #parts: object
  readonly #config: object
  readonly #addedTokens: readonly AddedToken[]
  readonly #specialTokens: ReadonlySet<string>
  /** Every added token, the longest first, as the library finds them. */
  readonly #pattern: RegExp

  constructor(file: string, json: TokenizerJson, config: object, library: HuggingFaceTokenizer) {
    this.#file = file
    this.#library = library
    this.#parts = { ...json, model: NO_MODEL }
    this.#config = config
    this.#addedTokens = json.added_tokens
    const isSpecial = (token: AddedToken) => token.special === true && token.content !== ''
    this.#specialTokens = new Set(json.added_tokens.filter(isSpecial).map((token) => token.content))
    const contents = json.added_tokens.map((token) => token.content).filter((content) => content !== '')
    contents.sort((a, b) => b.length - a.length)
    this.#pattern = contents.length === 0 ? /(?!)/g : new RegExp(contents.map(escapeRegExp).join('|'), 'g')
  }

  /** The ids of a text; `addSpecialTokens` adds those that the tokenizer puts around every text, such as BOS. */
  encode(text: string, addSpecialTokens: boolean): (number | undefined)[] {
    return this.#encode(text, new Map(), addSpecialTokens)
  }

  /** The ids of a chat. `render` applies the template; `variables` are all other texts that it may write. */
  encodeChat(
    messages: readonly ChatMessage[],
    render: (messages: readonly ChatMessage[]) => string,
    variables: unknown,
  ): (number | undefined)[] {
    const unused = unusedCharacters(
      JSON.stringify([messages, variables]) + this.#addedTokens.map((token) => token.content).join(''),
    )
    const inMessages = new Map<string, string>()
    const inTemplate = new Map<string, string>()
    const hidden = mapStrings(messages, (text) => this.#hideSpecialTokens(text, inMessages, unused))
    let text = this.#hideSpecialTokens(render(hidden), inTemplate, unused)
    for (const [token, character] of inMessages) text = text.replaceAll(character, () => token)
    return this.#encode(text, inTemplate, false)
  }

  /** Replaces each special token by one character, and notes which. */
  #hideSpecialTokens(text: string, characters: Map<string, string>, unused: Iterator<string, never>): string {
    return text.replace(this.#pattern, (token) => {
      if (!this.#specialTokens.has(token)) return token
      const character = characters.get(token) ?? unused.next().value
      characters.set(token, character)
      return character
    })
  }

  /** Encodes a text in which special tokens stand as the characters given for them. */
  #encode(text: string, characters: ReadonlyMap<string, string>, addSpecialTokens: boolean): (number | undefined)[] {
    const addedTokens = this.#addedTokens.flatMap((token) => {
      if (!this.#specialTokens.has(token.content)) return [token]
      const character = characters.get(token.content)
      return character === undefined ? [] : [{ ...token, content: character }]
    })
    const tokenizer = new HuggingFaceTokenizer({ ...this.#parts, added_tokens: addedTokens }, this.#config)
    tokenizer.model = this.#library.model
    const { ids, tokens } = tokenizer.encode(text, { add_special_tokens: addSpecialTokens })
    const expected = addSpecialTokens ? this.#library.encode('', { add_special_tokens: true }).ids.length : 0
    const special = tokens.filter((token) => this.#specialTokens.has(token) && token !== tokenizer.model.unk_token)
    if (special.length > expected) {
      throw new UnsupportedError(
        `${this.#file}: this tokenizer's model makes a special token (among ${[...new Set(special)].join(' ')}) of ` +
          'ordinary text, so the text cannot be encoded without it; remove it from the text or pass ' +
          'allowSpecialTokens: true',
      )
    }
    return ids
  }
}

function escapeRegExp(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&')
}

/** Private use characters that `text` does not contain. */
function* unusedCharacters(text: string): Generator<string, never> {
  for (let code = PRIVATE_USE_AREA.first; code <= PRIVATE_USE_AREA.last; code++) {
    const character = String.fromCharCode(code)
    if (!text.includes(character)) yield character
  }
  throw new DataError('the messages use up the private use area of Unicode; remove its characters from them')
}

/** A copy of a JSON-like value with every string in it replaced. */
function mapStrings<T>(value: T, replace: (text: string) => string): T
function mapStrings(value: unknown, replace: (text: string) => string): unknown {
  if (typeof value === 'string') return replace(value)
  if (Array.isArray(value)) return value.map((item: unknown) => mapStrings(item, replace))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, mapStrings(item as unknown, replace)]))
}
