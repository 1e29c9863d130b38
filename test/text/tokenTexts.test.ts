import assert from 'node:assert/strict'
import fc from 'fast-check'
import { TokenTexts } from '../../src/text/tokenTexts.js'
import { Tokenizer } from '../../src/text/tokenizer.js'
import { FIXTURE } from './fixture.js'

describe('text/tokenTexts', () => {
  const tokenizer = Tokenizer.load(FIXTURE.byteLevel)
  const tokenTexts = new TokenTexts(tokenizer)

  it('gives each token the text that it adds', () => {
    const text = 'Tom has 12 apples.\n'
    const ids = tokenizer.encode(text)
    const pieces = tokenTexts.of(ids, text)!
    assert.equal(pieces.length, ids.length)
    assert.equal(pieces.join(''), text)
    assert.ok(pieces.every((piece) => piece !== ''))
  })

  for (const [name, folder] of Object.entries(FIXTURE)) {
    it(`makes up every text of a tokenizer of the kind ${name}`, () => {
      const other = Tokenizer.load(folder)
      const texts = new TokenTexts(other)
      fc.assert(
        fc.property(fc.string({ unit: 'grapheme' }), (text) => {
          const ids = other.encode(text, { allowSpecialTokens: false })
          const decoded = other.decode(ids, { skipSpecialTokens: true })
          const pieces = texts.of(ids, decoded)
          assert.equal(pieces?.join(''), decoded)
          assert.equal(pieces.length, ids.length)
        }),
        { numRuns: 100 },
      )
    })
  }

  it('gives special and unknown tokens no text', () => {
    const ids = tokenizer.encode('yes')
    const end = tokenizer.eosTokenIds[0]!
    assert.deepEqual(tokenTexts.of([...ids, end, 999_999], 'yes')?.slice(-2), ['', ''])
  })

  it('gives nothing for another text', () => {
    assert.equal(tokenTexts.of(tokenizer.encode('yes'), 'no'), null)
  })
})
