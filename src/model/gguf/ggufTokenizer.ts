import { UnsupportedError } from '../../errors.js'
import { quote } from '../../io/json.js'
import type { TokenizerFiles } from '../../text/tokenizerFiles.js'
import type { GgufFile } from './ggufFile.js'
import { textSplitting } from './preTokenizers.js'
import { sentencePieceMerges } from './sentencePieceMerges.js'

/** Kinds of tokens: tokenizer.ggml.token_type. */
const NORMAL = 1
const UNKNOWN = 2
const CONTROL = 3
const USER_DEFINED = 4
const UNUSED = 5

/** Names of special tokens in tokenizer_config.json, and the keys of their ids. */
const specialTokens = {
  bos_token: 'bos_token_id',
  eos_token: 'eos_token_id',
  unk_token: 'unknown_token_id',
  // As llama.cpp spells it.
  sep_token: 'seperator_token_id',
  pad_token: 'padding_token_id',
  mask_token: 'mask_token_id',
} as const

/**
 * Tokens that end a text, besides those whose ids the metadata give. GGUF files lack what generation_config.json says of them, so
 * llama.cpp knows them by their spelling, and so do we.
 */
const endingTokens = ['<|eot_id|>', '<|eom_id|>', '<|end_of_text|>', '<|im_end|>', '<|endoftext|>', '</s>']

/** SentencePiece's tokens have 16 characters at most, unless it was trained otherwise. A longer one would have too many cuts. */
const MAX_CHARACTERS = 512

/** The vocabulary of a GGUF file. */
interface Vocabulary {
  readonly tokens: readonly string[]
  readonly types: Float64Array
}

/** What a tokenizer.json says besides added tokens and vocabulary. */
interface Pipeline {
  readonly model: Readonly<Record<string, unknown>>
  readonly addBos: boolean
  readonly [part: string]: unknown
}

/**
 * The tokenizer's files that the metadata of a GGUF file stand for: tokenizer.json, tokenizer_config.json and generation_config.json,
 * such that texts get the ids that they got from the original files. Null when the file has no tokenizer. What GGUF does not keep: of
 * added tokens whether white space beside them belongs to them, and which of those that are spelled `<|…|>` are not special.
 * @throws UnsupportedError for a kind of tokenizer that is not known, FileFormatError for metadata that do not fit together
 */
export function readGgufTokenizer(gguf: GgufFile): TokenizerFiles | null {
  const kind = gguf.string('tokenizer.ggml.model')
  if (kind === undefined || kind === 'none' || kind === 'no_vocab') return null
  const vocabulary = readVocabulary(gguf)
  const idOf = (key: string): number | undefined => readTokenId(gguf, key, vocabulary)
  const named: Record<string, string> = {}
  for (const [name, key] of Object.entries(specialTokens)) {
    const id = idOf(key)
    if (id !== undefined) named[name] = vocabulary.tokens[id]!
  }
  const { model, addBos, ...parts } = pipelineOf(gguf, kind, vocabulary)
  const endIds = ['eos_token_id', 'eot_token_id', 'eom_token_id'].map(idOf)
  const spelledEnds = endingTokens.map((token) => vocabulary.tokens.indexOf(token))
  const files: Readonly<Record<string, Record<string, unknown>>> = {
    'tokenizer.json': {
      version: '1.0',
      truncation: null,
      padding: null,
      added_tokens: addedTokens(vocabulary),
      ...parts,
      post_processor: postProcessor(gguf, vocabulary, addBos),
      model: { ...model, vocab: modelVocabulary(vocabulary) },
    },
    'tokenizer_config.json': {
      tokenizer_class: 'PreTrainedTokenizerFast',
      clean_up_tokenization_spaces: false,
      ...named,
      ...readChatTemplates(gguf),
    },
    'generation_config.json': {
      eos_token_id: [...new Set([...endIds, ...spelledEnds])].filter(
        (id) => id !== undefined && id >= 0 && (endIds.includes(id) || vocabulary.types[id] === CONTROL),
      ),
    },
  }
  return {
    source: gguf.file,
    pathOf: () => gguf.file,
    has: (name) => name in files,
    json: (name) => files[name] ?? null,
    text: () => null,
  }
}

function readVocabulary(gguf: GgufFile): Vocabulary {
  const tokens = gguf.array('tokenizer.ggml.tokens')?.strings()
  const types = gguf.array('tokenizer.ggml.token_type')?.numbers()
  if (tokens === undefined) throw gguf.error('tokenizer.ggml.tokens is missing')
  if (types === undefined) throw gguf.error('tokenizer.ggml.token_type is missing')
  if (types.length !== tokens.length) {
    throw gguf.error(`has ${tokens.length} tokens, but ${types.length} of tokenizer.ggml.token_type`)
  }
  const seen = new Set<string>()
  for (const token of tokens) {
    if (seen.has(token)) throw gguf.error(`has the token ${quote(token)} twice`)
    seen.add(token)
  }
  return { tokens, types }
}

function readTokenId(gguf: GgufFile, name: string, { tokens }: Vocabulary): number | undefined {
  const key = `tokenizer.ggml.${name}`
  const id = gguf.number(key)
  if (id === undefined || (Number.isInteger(id) && id >= 0 && id < tokens.length)) return id
  throw gguf.error(`${key} is ${id}; expected the id of one of the ${tokens.length} tokens`)
}

function isAdded(type: number): boolean {
  return type === CONTROL || type === USER_DEFINED || type === UNKNOWN
}

function addedTokens({ tokens, types }: Vocabulary): object[] {
  const flags = { single_word: false, lstrip: false, rstrip: false, normalized: false }
  return tokens.flatMap((content, id) =>
    isAdded(types[id]!) ? [{ id, content, ...flags, special: types[id] !== USER_DEFINED }] : [],
  )
}

/** Ids by token, without the added tokens at the end, and without the names that the converter gives to rows of no token. */
function modelVocabulary({ tokens, types }: Vocabulary): Record<string, number> {
  const isOfModel = (type: number, id: number): boolean =>
    !isAdded(type) && !(type === UNUSED && tokens[id] === `[PAD${id}]`)
  const last = types.findLastIndex(isOfModel)
  return Object.fromEntries(
    tokens.flatMap((token, id) =>
      isOfModel(types[id]!, id) || (isAdded(types[id]!) && id < last) ? [[token, id]] : [],
    ),
  )
}

function pipelineOf(gguf: GgufFile, kind: string, vocabulary: Vocabulary): Pipeline {
  if (kind === 'gpt2') return byteLevelPipeline(gguf)
  if (kind === 'llama') return sentencePiecePipeline(gguf, vocabulary)
  throw new UnsupportedError(
    `${gguf.file}: the tokenizer ${quote(kind)} is not supported; supported are gpt2 (byte-level BPE) and llama (SentencePiece's BPE)`,
  )
}

const plainModel = { type: 'BPE', dropout: null, continuing_subword_prefix: null, end_of_word_suffix: null }

function byteLevelPipeline(gguf: GgufFile): Pipeline {
  const { ignoreMerges, addBos, ...parts } = textSplitting(gguf.file, gguf.string('tokenizer.ggml.pre'))
  const merges = gguf.array('tokenizer.ggml.merges')?.strings()
  if (merges === undefined) throw gguf.error('tokenizer.ggml.merges is missing')
  const wrong = merges.find((merge) => !/^[^ ]+ [^ ]+$/u.test(merge))
  if (wrong !== undefined)
    throw gguf.error(`tokenizer.ggml.merges holds ${quote(wrong)}; expected two parts of a token`)
  return {
    ...parts,
    decoder: { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true },
    model: {
      ...plainModel,
      unk_token: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: ignoreMerges,
      merges,
    },
    addBos,
  }
}

/** As transformers converts a SentencePiece model of Llama: spaces are `▁`, one of which begins a text, and bytes stand in for letters. */
function sentencePiecePipeline(gguf: GgufFile, { tokens, types }: Vocabulary): Pipeline {
  const scores = gguf.array('tokenizer.ggml.scores')?.numbers()
  if (scores?.length !== tokens.length) {
    throw gguf.error(`has ${tokens.length} tokens, but ${scores?.length ?? 'none'} of tokenizer.ggml.scores`)
  }
  const long = tokens.findIndex((token) => token.length > MAX_CHARACTERS)
  if (long >= 0) throw gguf.error(`has the token ${quote(tokens[long])}; expected at most ${MAX_CHARACTERS} characters`)
  const hasPrefix = gguf.boolean('tokenizer.ggml.add_space_prefix') ?? true
  if (gguf.boolean('tokenizer.ggml.remove_extra_whitespaces') === true) {
    throw new UnsupportedError(
      `${gguf.file}: a tokenizer that removes white space (tokenizer.ggml.remove_extra_whitespaces) is not supported`,
    )
  }
  const unknown = types.indexOf(UNKNOWN)
  const spaces = { type: 'Replace', pattern: { String: ' ' }, content: '▁' }
  const prefix = { type: 'Prepend', prepend: '▁' }
  return {
    normalizer: { type: 'Sequence', normalizers: hasPrefix ? [prefix, spaces] : [spaces] },
    pre_tokenizer: null,
    decoder: {
      type: 'Sequence',
      decoders: [
        { type: 'Replace', pattern: { String: '▁' }, content: ' ' },
        { type: 'ByteFallback' },
        { type: 'Fuse' },
        ...(hasPrefix ? [{ type: 'Strip', content: ' ', start: 1, stop: 0 }] : []),
      ],
    },
    model: {
      ...plainModel,
      unk_token: unknown < 0 ? null : tokens[unknown],
      fuse_unk: true,
      byte_fallback: true,
      ignore_merges: false,
      merges: sentencePieceMerges(tokens, scores, (id) => types[id] === NORMAL),
    },
    addBos: true,
  }
}

/** BOS before and EOS behind every text, where the tokenizer adds them. */
function postProcessor(gguf: GgufFile, vocabulary: Vocabulary, addBos: boolean): object | null {
  const adds = (name: 'bos' | 'eos', otherwise: boolean): number[] => {
    const id = readTokenId(gguf, `${name}_token_id`, vocabulary)
    return id !== undefined && (gguf.boolean(`tokenizer.ggml.add_${name}_token`) ?? otherwise) ? [id] : []
  }
  const before = adds('bos', addBos)
  const behind = adds('eos', false)
  if (before.length + behind.length === 0) return null
  const special = (type: number) => (id: number) => ({ SpecialToken: { id: vocabulary.tokens[id]!, type_id: type } })
  const around = (name: string, type: number): object[] => [
    ...before.map(special(type)),
    { Sequence: { id: name, type_id: type } },
    ...behind.map(special(type)),
  ]
  return {
    type: 'TemplateProcessing',
    single: around('A', 0),
    pair: [...around('A', 0), ...around('B', 1)],
    special_tokens: Object.fromEntries(
      [...before, ...behind].map((id) => {
        const token = vocabulary.tokens[id]!
        return [token, { id: token, ids: [id], tokens: [token] }]
      }),
    ),
  }
}

/** A template, or several by their names as transformers lists them. */
function readChatTemplates(gguf: GgufFile): Record<string, unknown> {
  const template = gguf.string('tokenizer.chat_template')
  const others = (gguf.array('tokenizer.chat_templates')?.strings() ?? []).flatMap((name) => {
    const text = gguf.string(`tokenizer.chat_template.${name}`)
    return text === undefined ? [] : [{ name, template: text }]
  })
  if (others.length === 0) return template === undefined ? {} : { chat_template: template }
  const first = template === undefined ? [] : [{ name: 'default', template }]
  return { chat_template: [...first, ...others] }
}
