import assert from 'node:assert/strict'
import path from 'node:path'
import { FileFormatError, UnsupportedError } from '../../../src/errors.js'
import { GgufFile } from '../../../src/model/gguf/ggufFile.js'
import { readGgufTokenizer } from '../../../src/model/gguf/ggufTokenizer.js'
import { Tokenizer } from '../../../src/text/tokenizer.js'
import { ggufFixture, writeGguf } from '../../fixtures/gguf/fixture.js'
import type { Value } from '../../fixtures/gguf/fixture.js'
import { temporaryFolder } from '../../fixtures/tinyModel.js'
import { FIXTURE } from '../../text/fixture.js'

function tokenizerOf(file: string): Tokenizer {
  return Tokenizer.from(GgufFile.use(file, readGgufTokenizer)!)
}

const texts = [
  '',
  'Natalia sold 48/2 = 24 clips in May.',
  '  two  spaces,\ta tab\n\n and\r\nlines   ',
  "It's 12345.678, don't they'LL",
  'Café 東京 🙂 naïve ½ ٣٤',
  '\u0085\ufeff\u00a0\u2028',
  '<|im_start|>user\nhi<|im_end|>\n<think>so</think>',
  'text <s> with </s> and <unk> <0x41> ▁▁',
  '<|begin|><|endoftext|>',
]

const chats = [
  [{ role: 'user', content: ' How many clips?  ' }],
  [
    { role: 'user', content: 'What is <|im_end|> or </s>?' },
    { role: 'assistant', content: '<think>…</think> 72' },
    { role: 'user', content: 'Sure?' },
  ],
]

describe('the tokenizer of a GGUF file', () => {
  for (const [name, folder] of [
    ['qwen2', FIXTURE.byteLevel],
    ['llama', FIXTURE.llama2],
  ] as const) {
    it(`${name}: gives the ids, texts and prompts of the original one`, () => {
      const made = tokenizerOf(ggufFixture(name))
      const original = Tokenizer.load(folder)
      assert.equal(made.vocabularySize, original.vocabularySize)
      for (let id = 0; id < original.vocabularySize; id++) assert.equal(made.idToToken(id), original.idToToken(id))
      assert.equal(made.bosTokenId, original.bosTokenId)
      assert.equal(made.eosTokenId, original.eosTokenId)
      assert.equal(made.padTokenId, original.padTokenId)
      assert.deepEqual([...made.eosTokenIds].sort(), [...original.eosTokenIds].sort())
      for (const text of texts) {
        for (const addSpecialTokens of [false, true]) {
          for (const allowSpecialTokens of [false, true]) {
            const options = { addSpecialTokens, allowSpecialTokens }
            const ids = original.encode(text, options)
            assert.deepEqual(made.encode(text, options), ids, `${JSON.stringify(text)} ${JSON.stringify(options)}`)
            assert.equal(made.decode(ids), original.decode(ids))
            const skipped = { skipSpecialTokens: true }
            assert.equal(made.decode(ids, skipped), original.decode(ids, skipped))
          }
        }
      }
      for (const chat of chats) {
        assert.equal(made.applyChatTemplate(chat), original.applyChatTemplate(chat))
        assert.deepEqual(made.encodeChat(chat), original.encodeChat(chat))
      }
    })
  }

  /** Tokens of bytes and two merges. */
  const tokens = ['Ġ', 'a', 'b', 'c', '1', '2', '3', '4', '5', '.', 'é', 'ab', 'abc', '12', '<|end|>', '[PAD15]']
  const metadata: Record<string, Value> = {
    'tokenizer.ggml.model': { string: 'gpt2' },
    'tokenizer.ggml.pre': { string: 'llama-bpe' },
    'tokenizer.ggml.tokens': { strings: tokens },
    'tokenizer.ggml.token_type': { int32s: tokens.map((_, id) => (id === 15 ? 5 : id === 14 ? 3 : 1)) },
    'tokenizer.ggml.merges': { strings: ['a b', '1 2'] },
    'tokenizer.ggml.bos_token_id': { uint32: 14 },
    'tokenizer.ggml.eos_token_id': { uint32: 14 },
  }
  const folder = temporaryFolder()
  const make = (changes: Record<string, Value | null>): Tokenizer => {
    const entries = Object.entries({ ...metadata, ...changes }).filter(([, value]) => value !== null)
    const file = path.join(folder, 'tokenizer.gguf')
    return tokenizerOf(writeGguf(file, Object.fromEntries(entries) as Record<string, Value>, []))
  }
  const pre = (name: string): Record<string, Value> => ({ 'tokenizer.ggml.pre': { string: name } })

  it('splits texts as the family does that tokenizer.ggml.pre names', () => {
    const spelled = (name: string, text: string): string =>
      make(pre(name))
        .encode(text)
        .map((id) => tokens[id])
        .join('|')
    // Llama 3 takes three digits at a time, and a piece that is a token whole.
    assert.equal(spelled('llama-bpe', 'abc 123412'), 'abc|Ġ|12|3|4|12')
    assert.equal(spelled('smaug-bpe', 'abc 123412'), 'abc|Ġ|12|3|4|12')
    assert.equal(spelled('qwen2', 'abc 12'), 'ab|c|Ġ|1|2')
    assert.equal(spelled('smollm', 'abc 12'), 'ab|c|Ġ|1|2')
    assert.equal(spelled('gpt-2', 'abc 1212'), 'ab|c|Ġ|12|12')
    assert.equal(spelled('default', 'abc. 1212'), 'ab|c|.|Ġ|12|1|2')
  })

  it('begins texts with a BOS where the metadata or the family say so', () => {
    const first = (changes: Record<string, Value>): number[] => make(changes).encode('a', { addSpecialTokens: true })
    assert.deepEqual(first({}), [14, 1])
    assert.deepEqual(first({ 'tokenizer.ggml.add_bos_token': { bool: false } }), [1])
    assert.deepEqual(first(pre('qwen2')), [1])
    assert.deepEqual(first({ ...pre('qwen2'), 'tokenizer.ggml.add_bos_token': { bool: true } }), [14, 1])
    assert.deepEqual(first({ 'tokenizer.ggml.add_eos_token': { bool: true } }), [14, 1, 14])
  })

  it('has several chat templates where the file has', () => {
    const made = make({
      'tokenizer.chat_template': { string: 'plain' },
      'tokenizer.chat_templates': { strings: ['tool_use', 'absent'] },
      'tokenizer.chat_template.tool_use': { string: 'with tools' },
    })
    assert.equal(made.applyChatTemplate([]), 'plain')
    assert.equal(made.applyChatTemplate([], { tools: [] }), 'with tools')
    assert.equal(make({}).hasChatTemplate, false)
    assert.throws(() => make({}).applyChatTemplate([]), /tokenizer\.gguf has no chat template/)
  })

  it('is none where the file has none', () => {
    const file = path.join(folder, 'none.gguf')
    assert.equal(GgufFile.use(writeGguf(file, {}, []), readGgufTokenizer), null)
  })

  const refused: [string, Record<string, Value | null>, new (...args: never[]) => Error, RegExp][] = [
    [
      'another kind',
      { 'tokenizer.ggml.model': { string: 't5' } },
      UnsupportedError,
      /the tokenizer 't5' is not supported; supported are gpt2 .* and llama/,
    ],
    ['another splitting', pre('tekken'), UnsupportedError, /'tekken', is not supported; supported are llama-bpe/],
    [
      'no splitting',
      { 'tokenizer.ggml.pre': null },
      UnsupportedError,
      /tokenizer\.ggml\.pre is missing.*convert the model again/,
    ],
    ['no tokens', { 'tokenizer.ggml.tokens': null }, FileFormatError, /tokenizer\.ggml\.tokens is missing/],
    ['no kinds of tokens', { 'tokenizer.ggml.token_type': null }, FileFormatError, /token_type is missing/],
    ['too few kinds', { 'tokenizer.ggml.token_type': { int32s: [1] } }, FileFormatError, /has 16 tokens, but 1 of/],
    [
      'a token twice',
      { 'tokenizer.ggml.tokens': { strings: tokens.with(3, 'ab') } },
      FileFormatError,
      /the token 'ab' twice/,
    ],
    ['no merges', { 'tokenizer.ggml.merges': null }, FileFormatError, /merges is missing/],
    ['a merge of one part', { 'tokenizer.ggml.merges': { strings: ['ab'] } }, FileFormatError, /merges holds 'ab'/],
    [
      'tokens that are numbers',
      { 'tokenizer.ggml.tokens': { int32s: [1] } },
      FileFormatError,
      /expected one of strings/,
    ],
    [
      'an id beyond the tokens',
      { 'tokenizer.ggml.eos_token_id': { uint32: 16 } },
      FileFormatError,
      /eos_token_id is 16; expected the id of one of the 16/,
    ],
    [
      'no scores',
      { 'tokenizer.ggml.model': { string: 'llama' } },
      FileFormatError,
      /has 16 tokens, but none of tokenizer\.ggml\.scores/,
    ],
  ]
  for (const [what, changes, kind, message] of refused) {
    it(`is refused with ${what}`, () => {
      assert.throws(
        () => make(changes),
        (error: Error) => error instanceof kind && message.test(error.message),
      )
    })
  }
})
