import assert from 'node:assert/strict'
import fc from 'fast-check'
import { DataError } from '../../src/errors.js'
import { StreamingDecoder } from '../../src/text/streamingDecoder.js'
import { Tokenizer } from '../../src/text/tokenizer.js'
import { FIXTURE, loadChanged } from './fixture.js'

function pushAll(tokenizer: Tokenizer, ids: readonly number[]): string[] {
  const decoder = new StreamingDecoder(tokenizer)
  return [...ids.map((id) => decoder.push(id)), decoder.end()]
}

describe('StreamingDecoder', () => {
  const byteLevel = Tokenizer.load(FIXTURE.byteLevel)
  const byteFallback = Tokenizer.load(FIXTURE.llama2)
  const metaspace = loadChanged(FIXTURE.llama2, {
    'tokenizer.json': (json) => {
      json.decoder = { type: 'Metaspace', replacement: '▁', prepend_scheme: 'always', split: false }
    },
  })
  const tokenizers = { byteLevel, byteFallback, metaspace }

  it('returns words as they come', () => {
    const pieces = pushAll(byteLevel, byteLevel.encode(' she sold 48 clips'))
    assert.deepEqual(pieces, [' she', ' sold', ' ', '4', '8', ' clips', ''])
  })

  it('holds back a character until it is complete', () => {
    assert.deepEqual(pushAll(byteLevel, [0x41, 0xf0, 0x9f, 0x99, 0x82, 0x42]), ['A', '', '', '', '🙂', 'B', ''])
    assert.deepEqual(pushAll(byteFallback, byteFallback.encode('東')), ['', '', '', '東', ''])
  })

  it('returns an incomplete character at the end, and can start anew', () => {
    const decoder = new StreamingDecoder(byteLevel)
    assert.equal(decoder.push(0xe6), '')
    assert.equal(decoder.end(), '\uFFFD')
    assert.equal(decoder.end(), '')
    assert.equal(decoder.push(0x9d), '')
    assert.equal(decoder.push(0x41), '\uFFFDA')
    assert.equal(decoder.end(), '')
  })

  it('keeps the spaces between words of a tokenizer that takes off the first', () => {
    for (const tokenizer of [byteFallback, metaspace]) {
      const ids = tokenizer.encode('she sold  clips and')
      assert.equal(tokenizer.idToToken(ids[0]!), '▁she')
      assert.equal(pushAll(tokenizer, ids).join(''), 'she sold  clips and')
    }
  })

  for (const [name, tokenizer] of Object.entries(tokenizers)) {
    it(`streams what decode gives, for any ids: ${name}`, () => {
      const anyId = fc.nat(tokenizer.vocabularySize - 1)
      // Ids from few kinds at a time, so that bytes come together in long runs and make characters.
      const spaces = ['▁', 'Ġ', ' ', '▁a', 'Ġa'].flatMap((token) => tokenizer.tokenToId(token) ?? [])
      const utf8 = fc
        .string({ unit: 'binary', maxLength: 20 })
        .map((text) => Array.from(Buffer.from(text), (byte) => tokenizer.tokenToId(byteToken(byte)) ?? byte))
      const parts = fc.oneof(fc.array(anyId), fc.array(fc.constantFrom(...spaces)), utf8)
      fc.assert(
        fc.property(fc.array(parts, { maxLength: 8 }), (runs) => {
          const ids = runs.flat()
          assert.equal(pushAll(tokenizer, ids).join(''), tokenizer.decode(ids))
        }),
        { numRuns: 300 },
      )
    })

    it(`streams what decode gives, for any text: ${name}`, () => {
      fc.assert(
        fc.property(fc.string({ unit: 'grapheme', maxLength: 60 }), (text) => {
          const ids = tokenizer.encode(text)
          assert.equal(pushAll(tokenizer, ids).join(''), tokenizer.decode(ids))
        }),
      )
    })
  }

  it('decodes a bounded number of tokens for each one, even if no character is ever complete', () => {
    const tokenizer = Tokenizer.load(FIXTURE.byteLevel)
    let decoded = 0
    const decode = tokenizer.decode.bind(tokenizer)
    tokenizer.decode = (ids, options) => {
      decoded += ids.length
      return decode(ids, options)
    }
    const texts = ['she sold clips ', '東京', '🙂', '\u{10FFFF}'].map((text) => tokenizer.encode(text))
    for (const part of [...texts, [0x20, 0xf0, 0x9f, 0x91], [0xf0], [0x80]]) {
      const ids = Array.from({ length: 2000 }, (_, i) => part[i % part.length]!)
      decoded = 0
      const streamed = pushAll(tokenizer, ids).join('')
      assert.ok(decoded < 40 * ids.length, `${decoded} tokens decoded for ${ids.length}`)
      assert.equal(streamed, decode(ids))
    }
  })

  it('refuses an unknown id and goes on', () => {
    const decoder = new StreamingDecoder(byteLevel)
    assert.equal(decoder.push(0x41), 'A')
    assert.throws(() => decoder.push(-1), DataError)
    assert.equal(decoder.push(0x42), 'B')
  })
})

const byteToken = (byte: number) => `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`
