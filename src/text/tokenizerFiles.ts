import fs from 'node:fs'
import path from 'node:path'
import { FileFormatError, UnsupportedError } from '../errors.js'
import { isJsonObject, quote } from '../io/json.js'
import { preparePreTokenizer } from './preTokenizer.js'

/** A token of tokenizer.json's `added_tokens`, found in a text before the model splits the rest. */
export interface AddedToken {
  readonly id: number
  readonly content: string
  /** True for control tokens such as `<|im_end|>`, false for markup such as `<think>`. */
  readonly special?: boolean
}

/** The content of a tokenizer.json, checked as far as the tokenizers library does not check it. */
export interface TokenizerJson {
  readonly added_tokens: readonly AddedToken[]
  readonly model: Readonly<Record<string, unknown>>
  readonly [part: string]: unknown
}

const MODEL_TYPES = ['BPE', 'Unigram', 'WordPiece', 'WordLevel']
const SPECIAL_TOKEN_NAMES = [
  'bos_token',
  'eos_token',
  'unk_token',
  'sep_token',
  'pad_token',
  'cls_token',
  'mask_token',
] as const

/** Special tokens by their name in tokenizer_config.json; those that a model does not have are absent. */
export type SpecialTokenNames = Partial<Record<(typeof SPECIAL_TOKEN_NAMES)[number], string>>

/** The files of a tokenizer by their names in a model's folder, wherever they are. */
export interface TokenizerFiles {
  /** The folder, or the file that all of them are made of. */
  readonly source: string
  /** What names a file in messages. */
  pathOf(name: string): string
  has(name: string): boolean
  /** A file that holds one JSON object; null when there is none. Throws a FileFormatError. */
  json(name: string): Readonly<Record<string, unknown>> | null
  /** A file's text; null when there is none. */
  text(name: string): string | null
}

/** The files of a folder. */
export function filesOfFolder(folder: string): TokenizerFiles {
  const pathOf = (name: string): string => path.join(folder, name)
  const has = (name: string): boolean => fs.existsSync(pathOf(name))
  const ifThere = <T>(name: string, read: (file: string) => T): T | null => (has(name) ? read(pathOf(name)) : null)
  return {
    source: folder,
    pathOf,
    has,
    json: (name) => ifThere(name, readJsonObject),
    text: (name) => ifThere(name, (file) => fs.readFileSync(file, 'utf8')),
  }
}

/** Reads a JSON file that holds one object. Throws a FileFormatError. */
function readJsonObject(file: string): Record<string, unknown> {
  let text: string
  try {
    text = fs.readFileSync(file, 'utf8')
  } catch (cause) {
    throw new FileFormatError(file, `cannot be read (${(cause as Error).message})`, { cause })
  }
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw new FileFormatError(file, `is not valid JSON (${(cause as Error).message}); download the file again`, {
      cause,
    })
  }
  if (!isJsonObject(value)) throw new FileFormatError(file, `expected a JSON object, got ${quote(value)}`)
  return value
}

/**
 * Reads and checks a tokenizer.json; parts that it lacks become null. Throws a FileFormatError when it is missing or
 * corrupt, and an UnsupportedError for a kind of tokenizer that the tokenizers library would treat wrongly.
 */
export function readTokenizerJson(files: TokenizerFiles): TokenizerJson {
  const file = files.pathOf('tokenizer.json')
  const json = files.json('tokenizer.json')
  if (json === null) {
    throw new FileFormatError(
      file,
      'not found; a model folder needs it (a slow tokenizer can be converted with transformers: ' +
        'AutoTokenizer.from_pretrained(…).save_pretrained(…))',
    )
  }
  const { model, added_tokens: addedTokens = [] } = json
  if (!isJsonObject(model)) throw new FileFormatError(file, `model must be an object, got ${quote(model)}`)
  // Files of old versions do not name the type; the library then tells it from the other fields.
  if (model.type !== undefined && !MODEL_TYPES.includes(model.type as string)) {
    throw new UnsupportedError(
      `${file}: tokenizer model ${quote(model.type)} is not supported; supported are ${MODEL_TYPES.join(', ')}`,
    )
  }
  if (model.continuing_subword_prefix && model.type === 'BPE') {
    throw new UnsupportedError(
      `${file}: BPE with continuing_subword_prefix ${quote(model.continuing_subword_prefix)} is not supported; ` +
        'supported is BPE without it',
    )
  }
  checkVocabulary(file, model.vocab)
  if (!Array.isArray(addedTokens) || !addedTokens.every(isAddedToken)) {
    throw new FileFormatError(file, `added_tokens must be a list of {id, content, …}, got ${quote(addedTokens)}`)
  }
  const absentParts = { normalizer: null, post_processor: null, decoder: null }
  const preTokenizer = preparePreTokenizer(file, json.pre_tokenizer)
  return { ...absentParts, ...json, model, added_tokens: addedTokens, pre_tokenizer: preTokenizer }
}

function checkVocabulary(file: string, vocabulary: unknown): void {
  if (Array.isArray(vocabulary)) return // Unigram: a list of [token, score], the ids are the positions
  if (!isJsonObject(vocabulary)) throw new FileFormatError(file, `model.vocab is missing or ${quote(vocabulary)}`)
  for (const [token, id] of Object.entries(vocabulary)) {
    if (!isTokenId(id)) throw new FileFormatError(file, `the id of the token ${quote(token)} is ${quote(id)}`)
  }
}

function isTokenId(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) < 2 ** 31
}

function isAddedToken(value: unknown): value is AddedToken {
  return isJsonObject(value) && isTokenId(value.id) && typeof value.content === 'string'
}

/**
 * The named special tokens of tokenizer_config.json, and of special_tokens_map.json for those that it does not mention.
 * Each may be a string, an object with `content`, or null for none.
 */
export function readSpecialTokenNames(
  files: TokenizerFiles,
  tokenizerConfig: Readonly<Record<string, unknown>>,
): SpecialTokenNames {
  const map = files.json('special_tokens_map.json') ?? {}
  const names: SpecialTokenNames = {}
  for (const name of SPECIAL_TOKEN_NAMES) {
    const value = name in tokenizerConfig ? tokenizerConfig[name] : map[name]
    const content = isJsonObject(value) ? value.content : value
    if (typeof content === 'string') names[name] = content
  }
  return names
}

/** `eos_token_id` of generation_config.json, a number or a list of numbers, as a list. */
export function readGenerationEosTokenIds(files: TokenizerFiles): number[] {
  const name = 'generation_config.json'
  const value = files.json(name)?.eos_token_id ?? []
  const ids: unknown[] = Array.isArray(value) ? value : [value]
  if (!ids.every(isTokenId)) {
    throw new FileFormatError(
      files.pathOf(name),
      `eos_token_id must be a token id or a list of them, got ${quote(value)}`,
    )
  }
  return ids
}
