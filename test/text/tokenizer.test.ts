import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import fc from 'fast-check'
import { DataError } from '../../src/errors.js'
import { Tokenizer } from '../../src/text/tokenizer.js'
import { requireShared } from '../shared.js'
import { FIXTURE, loadChanged } from './fixture.js'

/** Every code point but surrogates, and characters that people see as one. */
const unicodeText = fc.oneof(fc.string({ unit: 'binary' }), fc.string({ unit: 'grapheme' }))

describe('Tokenizer', () => {
  const tokenizer = Tokenizer.load(FIXTURE.byteLevel)
  const llama2 = Tokenizer.load(FIXTURE.llama2)
  const tokens = (ids: number[], of = tokenizer) => ids.map((id) => of.idToToken(id))

  it('encodes with merges and decodes', () => {
    const ids = tokenizer.encode('Natalia sold 48 clips')
    assert.deepEqual(tokens(ids), ['Natalia', 'Ġsold', 'Ġ', '4', '8', 'Ġclips'])
    assert.equal(tokenizer.decode(ids), 'Natalia sold 48 clips')
    assert.deepEqual(tokenizer.encode(''), [])
  })

  it('gives back any text', () => {
    fc.assert(
      fc.property(unicodeText, (text) => {
        assert.equal(tokenizer.decode(tokenizer.encode(text)), text)
        assert.equal(tokenizer.decode(tokenizer.encode(text, { allowSpecialTokens: false })), text)
      }),
    )
  })

  it('keeps spaces before punctuation although tokenizer_config.json asks for cleaning up', () => {
    for (const text of ["a , b . c ? d ! do n't I 'm", 'idx != idx2']) {
      assert.equal(tokenizer.decode(tokenizer.encode(text)), text)
      assert.equal(tokenizer.decode(tokenizer.encode(text), { skipSpecialTokens: true }), text)
    }
  })

  it('decodes no ids, typed arrays, invalid UTF-8 and special tokens', () => {
    assert.equal(tokenizer.decode([]), '')
    assert.equal(tokenizer.decode(new Int32Array()), '')
    assert.equal(tokenizer.decode(Int32Array.from(tokenizer.encode('clips'))), 'clips')
    assert.equal(tokenizer.decode([0xe6, 0x41, 0x80, 0x80]), '\uFFFDA\uFFFD\uFFFD')
    const ids = tokenizer.encode('<|im_start|><think>May</think><|im_end|>')
    assert.equal(ids.length, 5)
    assert.equal(tokenizer.decode(ids), '<|im_start|><think>May</think><|im_end|>')
    assert.equal(tokenizer.decode(ids, { skipSpecialTokens: true }), '<think>May</think>')
    assert.equal(tokenizer.decode(ids.slice(0, 1), { skipSpecialTokens: true }), '')
  })

  it('refuses ids that are not in the vocabulary', () => {
    for (const id of [-1, tokenizer.vocabularySize, 1.5, NaN, 1e9]) {
      assert.throws(() => tokenizer.decode([65, id]), {
        name: 'DataError',
        message: new RegExp(`token id ${id}: .*ids from 0 to ${tokenizer.vocabularySize - 1}`),
      })
    }
  })

  it('adds BOS only when asked', () => {
    assert.deepEqual(tokens(tokenizer.encode('May', { addSpecialTokens: true })), ['<|begin|>', 'May'])
    assert.deepEqual(tokens(tokenizer.encode('May')), ['May'])
    assert.deepEqual(llama2.encode('', { addSpecialTokens: true }), [llama2.bosTokenId])
  })

  it('keeps special tokens of a text as text when asked', () => {
    const text = 'end <|im_end|> of <think>'
    assert.ok(tokenizer.encode(text).includes(tokenizer.eosTokenId!))
    const ids = tokenizer.encode(text, { allowSpecialTokens: false, addSpecialTokens: true })
    assert.equal(ids[0], tokenizer.bosTokenId)
    assert.ok(!ids.includes(tokenizer.eosTokenId!))
    assert.equal(ids.at(-1), tokenizer.tokenToId('<think>'))
    assert.equal(tokenizer.decode(ids.slice(1)), text)
  })

  it('knows its special tokens', () => {
    assert.equal(tokenizer.bosTokenId, tokenizer.tokenToId('<|begin|>'))
    assert.equal(tokenizer.eosTokenId, tokenizer.tokenToId('<|im_end|>'))
    assert.equal(tokenizer.padTokenId, tokenizer.tokenToId('<|endoftext|>'))
    assert.equal(tokenizer.vocabularySize, tokenizer.tokenToId('</think>')! + 1)
    assert.equal(tokenizer.tokenToId('no such token'), undefined)
    assert.equal(tokenizer.idToToken(tokenizer.vocabularySize), undefined)
    assert.equal(llama2.bosTokenId, 1)
    assert.equal(llama2.padTokenId, undefined)
  })

  it('collects all EOS ids once each', () => {
    const endOfText = tokenizer.tokenToId('<|endoftext|>')
    assert.deepEqual(tokenizer.eosTokenIds, [endOfText, tokenizer.eosTokenId])
    assert.deepEqual(llama2.eosTokenIds, [2])
    const single = loadChanged(FIXTURE.byteLevel, { 'generation_config.json': '{"eos_token_id": 7}' })
    assert.deepEqual(single.eosTokenIds, [7, tokenizer.eosTokenId])
    const none = loadChanged(FIXTURE.byteLevel, {
      'generation_config.json': null,
      'tokenizer_config.json': '{"eos_token": null}',
    })
    assert.deepEqual(none.eosTokenIds, [])
    assert.equal(none.eosTokenId, undefined)
  })

  it('takes the space that Llama 2 puts in front off again', () => {
    assert.deepEqual(tokens(llama2.encode('she sold'), llama2).slice(0, 1), ['▁she'])
    for (const text of ['she sold clips', ' she', 'tab\tand 東京 🙂'])
      assert.equal(llama2.decode(llama2.encode(text)), text)
  })

  it('refuses a text that the vocabulary cannot express', () => {
    const letters = loadChanged(FIXTURE.byteLevel, {
      'tokenizer.json': JSON.stringify({
        model: { type: 'WordLevel', vocab: { a: 0, b: 1 } },
        pre_tokenizer: { type: 'Split', pattern: { Regex: '[\\s\\S]' }, behavior: 'Isolated' },
        decoder: { type: 'Fuse' },
      }),
      'tokenizer_config.json': '{}',
    })
    assert.deepEqual(letters.encode('abba'), [0, 1, 1, 0])
    assert.throws(() => letters.encode('abc'), DataError)
  })

  it('exists where there is a tokenizer.json', () => {
    assert.equal(Tokenizer.exists(FIXTURE.llama2), true)
    assert.equal(Tokenizer.exists(path.dirname(FIXTURE.byteLevel)), false)
  })
})

interface ChatGolden {
  special: { bos_id: number | null; eos_id: number | null; pad_id: number | null }
  chat: {
    messages: { role: string; content: string }[]
    add_generation_prompt: boolean
    chat_template_kwargs: Record<string, unknown>
    text: string
    ids: number[]
  }[]
  encode: {
    text: string
    ids: number[]
    ids_with_special: number[]
    tokens: string[]
    decoded: string
    decoded_skip_special: string
  }[]
  decode: { ids: number[]; decoded: string; decoded_skip_special: string }[]
}

interface SmolLM2Golden {
  tokenizer: { text: string; ids: number[] }[]
  prompts: {
    messages: { role: string; content: string }[]
    text: string
    prompt_ids: number[]
    greedy_ids: number[]
    greedy_text: string
  }[]
}

const readJson = (file: string): unknown => JSON.parse(fs.readFileSync(file, 'utf8'))

describe('Tokenizer against the reference', () => {
  for (const name of ['llama-mha', 'llama-gqa-tied', 'qwen2-gqa-tied', 'qwen3-tied-newstyle']) {
    it(`encodes, decodes and renders as transformers does: ${name}`, function () {
      const golden = readJson(requireShared(this, 'golden', 'chat', `${name}.json`)) as ChatGolden
      const tokenizer = Tokenizer.load(requireShared(this, 'golden', 'models', name))
      assert.equal(tokenizer.bosTokenId ?? null, golden.special.bos_id)
      assert.equal(tokenizer.eosTokenId ?? null, golden.special.eos_id)
      assert.equal(tokenizer.padTokenId ?? null, golden.special.pad_id)
      for (const entry of golden.encode) {
        const ids = tokenizer.encode(entry.text)
        assert.deepEqual(ids, entry.ids, entry.text)
        assert.deepEqual(
          ids.map((id) => tokenizer.idToToken(id)),
          entry.tokens,
        )
        assert.deepEqual(tokenizer.encode(entry.text, { addSpecialTokens: true }), entry.ids_with_special)
        assert.equal(tokenizer.decode(ids), entry.decoded)
        assert.equal(tokenizer.decode(ids, { skipSpecialTokens: true }), entry.decoded_skip_special)
      }
      for (const entry of golden.decode) {
        assert.equal(tokenizer.decode(entry.ids), entry.decoded)
        assert.equal(tokenizer.decode(entry.ids, { skipSpecialTokens: true }), entry.decoded_skip_special)
      }
      let withSpecialTokens = 0
      for (const entry of golden.chat) {
        const options = { addGenerationPrompt: entry.add_generation_prompt, ...entry.chat_template_kwargs }
        assert.equal(tokenizer.applyChatTemplate(entry.messages, options), entry.text)
        assert.deepEqual(tokenizer.encodeChat(entry.messages, { ...options, allowSpecialTokens: true }), entry.ids)
        const ids = tokenizer.encodeChat(entry.messages, options)
        // All texts are NFC, so the ids decode to the rendered text whichever way the special tokens were encoded.
        assert.equal(tokenizer.decode(ids), entry.text)
        if (entry.messages.some((message) => message.content.includes('<|'))) {
          assert.notDeepEqual(ids, entry.ids)
          withSpecialTokens++
        } else assert.deepEqual(ids, entry.ids)
      }
      assert.ok(withSpecialTokens > 0)
    })
  }

  it('encodes as transformers does: SmolLM2-135M-Instruct', function () {
    const golden = readJson(requireShared(this, 'golden-smollm2', 'golden.json')) as SmolLM2Golden
    const tokenizer = Tokenizer.load(requireShared(this, 'models', 'SmolLM2-135M-Instruct'))
    assert.deepEqual(tokenizer.eosTokenIds, [2])
    for (const { text, ids } of golden.tokenizer) {
      assert.deepEqual(tokenizer.encode(text), ids, text)
      assert.equal(tokenizer.decode(ids), text)
      assert.equal(tokenizer.decode(tokenizer.encode(text, { allowSpecialTokens: false })), text)
    }
    for (const prompt of golden.prompts) {
      assert.equal(tokenizer.applyChatTemplate(prompt.messages), prompt.text)
      assert.deepEqual(tokenizer.encodeChat(prompt.messages), prompt.prompt_ids)
      assert.equal(tokenizer.decode(prompt.greedy_ids), prompt.greedy_text)
    }
  })
})
