import fs from 'node:fs'
import path from 'node:path'
import { DataError, FileFormatError, UnsupportedError } from '../errors.js'
import { quote } from '../io/json.js'
import { ChatTemplate, type ChatMessage } from './chatTemplate.js'
import { LiteralEncoder } from './literalEncoder.js'
import {
  filesOfFolder,
  readGenerationEosTokenIds,
  readSpecialTokenNames,
  readTokenizerJson,
  type SpecialTokenNames,
  type TokenizerFiles,
  type TokenizerJson,
} from './tokenizerFiles.js'
import { HuggingFaceTokenizer } from './tokenizersLibrary.js'
import type { Decoder } from './tokenizersLibrary.js'

export type { ChatMessage } from './chatTemplate.js'

export interface EncodeOptions {
  /** Adds what the tokenizer puts around every text, such as a BOS token. Defaults to false. */
  addSpecialTokens?: boolean
  /** True turns special token strings in the text into their ids, false keeps them ordinary text. Defaults to true. */
  allowSpecialTokens?: boolean
}

export interface ChatTemplateOptions {
  /** Ends with the start of an assistant turn. Defaults to true. */
  addGenerationPrompt?: boolean
  /** What the template asks for under its own names: `enable_thinking`, `date_string`, `tools`, … */
  [templateVariable: string]: unknown
}

export interface EncodeChatOptions extends ChatTemplateOptions {
  /** True turns special token strings inside the messages into their ids too. Defaults to false: they stay text. */
  allowSpecialTokens?: boolean
}

/** The tokenizer of a Hugging Face model folder: text to token ids and back, and its chat template. */
export class Tokenizer {
  /** The folder, or the file that the tokenizer is part of. */
  readonly #source: string
  readonly #file: string
  readonly #library: HuggingFaceTokenizer
  readonly #literalEncoder: LiteralEncoder
  readonly #chatTemplate: ChatTemplate | null
  readonly #specialTokens: SpecialTokenNames
  /** All ids that end a completion: those of generation_config.json, then the tokenizer's own EOS. */
  readonly eosTokenIds: readonly number[]

  private constructor(files: TokenizerFiles) {
    this.#source = files.source
    this.#file = files.pathOf('tokenizer.json')
    const json = readTokenizerJson(files)
    const config = files.json('tokenizer_config.json') ?? {}
    this.#specialTokens = readSpecialTokenNames(files, config)
    this.#chatTemplate = ChatTemplate.read(files, config)
    // Of tokenizer_config.json the library only needs these: the others either do not matter to ids or change spacing.
    const libraryConfig = {
      unk_token: json.model.unk_token,
      ...this.#specialTokens,
      remove_space: config.remove_space,
      do_lowercase_and_remove_accent: config.do_lowercase_and_remove_accent,
      clean_up_tokenization_spaces: false,
    }
    this.#library = openLibrary(this.#file, json, libraryConfig)
    this.#literalEncoder = new LiteralEncoder(this.#file, json, libraryConfig, this.#library)
    const ids = readGenerationEosTokenIds(files)
    if (this.#specialTokens.eos_token !== undefined) {
      if (this.eosTokenId === undefined) {
        const token = quote(this.#specialTokens.eos_token)
        const configFile = files.pathOf('tokenizer_config.json')
        throw new FileFormatError(configFile, `eos_token is ${token}, which tokenizer.json does not have`)
      }
      ids.push(this.eosTokenId)
    }
    this.eosTokenIds = [...new Set(ids)]
  }

  /**
   * Reads tokenizer.json, and where they exist tokenizer_config.json, special_tokens_map.json, generation_config.json
   * and chat_template.jinja. Throws a FileFormatError that names a file which is missing or corrupt, and an
   * UnsupportedError for a kind of tokenizer that is not supported.
   */
  static load(folder: string): Tokenizer {
    return new Tokenizer(filesOfFolder(folder))
  }

  /**
   * The tokenizer of files that lie in no folder, such as those that the metadata of a GGUF file stand for. Throws as {@link load}.
   * @internal
   */
  static from(files: TokenizerFiles): Tokenizer {
    return new Tokenizer(files)
  }

  /** True if the folder holds a tokenizer.json. */
  static exists(folder: string): boolean {
    return fs.existsSync(path.join(folder, 'tokenizer.json'))
  }

  /** Token that begins a text; undefined when the tokenizer has none. */
  get bosTokenId(): number | undefined {
    return this.#namedTokenId('bos_token')
  }

  /** The tokenizer's own EOS; generation stops at any of `eosTokenIds`. */
  get eosTokenId(): number | undefined {
    return this.#namedTokenId('eos_token')
  }

  /** Token that fills up batches; undefined when the tokenizer has none. */
  get padTokenId(): number | undefined {
    return this.#namedTokenId('pad_token')
  }

  /** The largest token id plus one. A model's embedding may have more rows, which then stand for no token. */
  get vocabularySize(): number {
    return this.#library.model.vocab.length
  }

  /** The id of a token as it is spelled in the vocabulary (byte-level tokens write a space as `Ġ`). */
  tokenToId(token: string): number | undefined {
    return this.#library.token_to_id(token)
  }

  /** The spelling of a token in the vocabulary. */
  idToToken(id: number): string | undefined {
    return this.#library.id_to_token(id)
  }

  /**
   * Encodes a text. Throws a DataError when the vocabulary has no token, not even an unknown token, for a part of it.
   * Generated ids are to be kept: encoding their text again may give others.
   */
  encode(text: string, options: EncodeOptions = {}): number[] {
    const { addSpecialTokens = false, allowSpecialTokens = true } = options
    return this.#checkEncoded(
      allowSpecialTokens
        ? this.#library.encode(text, { add_special_tokens: addSpecialTokens }).ids
        : this.#literalEncoder.encode(text, addSpecialTokens),
    )
  }

  /**
   * Decodes token ids without ever changing spacing (transformers' `clean_up_tokenization_spaces` stays off). Bytes
   * that are not valid UTF-8 become U+FFFD. `skipSpecialTokens` leaves out tokens with `special: true`; defaults to
   * false. Throws a DataError for an id that is not in the vocabulary.
   */
  decode(ids: ArrayLike<number>, { skipSpecialTokens = false }: { skipSpecialTokens?: boolean } = {}): string {
    if (ids.length === 0) return ''
    const checked = Array.from(ids, (id) => {
      if (this.idToToken(id) !== undefined) return id
      throw new DataError(
        `cannot decode the token id ${id}: ${this.#file} has ids from 0 to ${this.vocabularySize - 1}; ` +
          'ids and tokenizer must come from the same model',
      )
    })
    return this.#library.decode(checked, {
      skip_special_tokens: skipSpecialTokens,
      clean_up_tokenization_spaces: false,
    })
  }

  /** Whether {@link applyChatTemplate} can be used: base models often have no template. */
  get hasChatTemplate(): boolean {
    return this.#chatTemplate !== null
  }

  /**
   * Renders messages with the model's chat template. Throws an UnsupportedError when the model has none, and a
   * DataError with the template's own message when it refuses the messages.
   */
  applyChatTemplate(messages: readonly ChatMessage[], options: ChatTemplateOptions = {}): string {
    if (this.#chatTemplate === null) {
      throw new UnsupportedError(
        `${this.#source} has no chat template (chat_template.jinja, or chat_template in ` +
          'tokenizer_config.json); take an instruct model, or give prompts as plain text',
      )
    }
    const { addGenerationPrompt = true, ...variables } = options
    return this.#chatTemplate.render(messages, {
      ...this.#specialTokens,
      add_generation_prompt: addGenerationPrompt,
      ...variables,
    })
  }

  /**
   * The token ids of messages in the model's chat format. No BOS is added to what the template writes. Special tokens
   * inside the messages stay ordinary text (see {@link LiteralEncoder}) unless `allowSpecialTokens` is true; tokens
   * that are not special, such as `<think>`, are always recognised. Throws what {@link applyChatTemplate} throws.
   */
  encodeChat(messages: readonly ChatMessage[], options: EncodeChatOptions = {}): number[] {
    const { allowSpecialTokens = false, ...templateOptions } = options
    if (allowSpecialTokens) return this.encode(this.applyChatTemplate(messages, templateOptions))
    const render = (hidden: readonly ChatMessage[]) => this.applyChatTemplate(hidden, templateOptions)
    const variables = [templateOptions, [...(this.#chatTemplate?.sources.values() ?? [])]]
    return this.#checkEncoded(this.#literalEncoder.encodeChat(messages, render, variables))
  }

  #namedTokenId(name: keyof SpecialTokenNames): number | undefined {
    const token = this.#specialTokens[name]
    return token === undefined ? undefined : this.tokenToId(token)
  }

  /** The library gives undefined as the id of an unknown word when there is no unknown token. */
  #checkEncoded(ids: readonly (number | undefined)[]): number[] {
    return ids.map((id) => {
      if (id !== undefined) return id
      throw new DataError(`${this.#file} has no token for a part of the text, and no unknown token`)
    })
  }
}

/** Encodes and decodes once: the library reads post-processors and decoders only when they are used. */
function tryOut(library: HuggingFaceTokenizer): void {
  const { ids } = library.encode('a b', { add_special_tokens: true })
  const known = ids.filter((id): id is number => id !== undefined && library.id_to_token(id) !== undefined)
  if (known.length > 0) library.decode(known, { skip_special_tokens: false, clean_up_tokenization_spaces: false })
}

/** Has byte-fallback decoders keep U+FEFF, as the library's byte-level ones do: in a text it is no byte order mark. */
function keepByteOrderMarks(library: HuggingFaceTokenizer): HuggingFaceTokenizer {
  const visit = (decoder: Decoder | null | undefined): void => {
    if (!decoder) return
    if (decoder.text_decoder) decoder.text_decoder = new TextDecoder('utf-8', { ignoreBOM: true })
    decoder.decoders?.forEach(visit)
  }
  visit(library.decoder)
  return library
}

function openLibrary(file: string, json: TokenizerJson, config: object): HuggingFaceTokenizer {
  try {
    const library = keepByteOrderMarks(new HuggingFaceTokenizer(json, config))
    tryOut(library)
    return library
  } catch (cause) {
    const { message } = cause as Error
    // "Unknown Decoder type: X": the file is sound, but not for this library.
    if (/^Unknown \w+ type/.test(message)) {
      throw new UnsupportedError(`${file}: ${message}; @huggingface/tokenizers does not have it`, { cause })
    }
    throw new FileFormatError(file, `is not a tokenizer that can be used: ${message}`, { cause })
  }
}
