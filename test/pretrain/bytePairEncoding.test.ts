import assert from 'node:assert/strict'
import fs from 'node:fs'
import fc from 'fast-check'
import { ConfigError } from '../../src/errors.js'
import { trainMerges } from '../../src/pretrain/bytePairEncoding.js'
import { writeTokenizer } from '../../src/pretrain/tokenizerFiles.js'
import { Tokenizer } from '../../src/text/tokenizer.js'
import { useTemporaryFolder } from '../io/temporaryFolder.js'

describe('pretrain/bytePairEncoding', () => {
  it('joins the most frequent pair first, the first in order of equally frequent ones', () => {
    assert.deepEqual(trainMerges(['low low low lower'], 3), [
      ['l', 'o'],
      ['lo', 'w'],
      ['Ġ', 'low'],
    ])
  })

  it('ends when no pair occurs twice', () => {
    assert.deepEqual(trainMerges(['abc'], 5), [])
  })

  it('never joins digits', () => {
    assert.ok(trainMerges(['12 12 12 12 12 12'], 9).every(([left, right]) => !/\d\d/.test(left + right)))
  })
})

describe('pretrain/tokenizerFiles', () => {
  const inFolder = useTemporaryFolder()
  const texts = ['Tom has 12 apples.', 'Tom has 7 apples.\n<think>\n12 + 7 = 19\n</think>']

  it('writes a tokenizer that gives back every text', () => {
    writeTokenizer(inFolder('t'), texts, 290)
    const tokenizer = Tokenizer.load(inFolder('t'))
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        assert.equal(tokenizer.decode(tokenizer.encode(text, { allowSpecialTokens: false })), text)
      }),
    )
  })

  it('has digits one by one, words as tokens, and a chat template', () => {
    writeTokenizer(inFolder('t'), texts, 290)
    const tokenizer = Tokenizer.load(inFolder('t'))
    const spelled = (ids: readonly number[]): (string | undefined)[] => ids.map((id) => tokenizer.idToToken(id))
    assert.deepEqual(spelled(tokenizer.encode('Tom has 12')), ['Tom', 'Ġhas', 'Ġ1', '2'])
    const chat = tokenizer.encodeChat([{ role: 'user', content: '7<|end|>' }])
    assert.deepEqual(spelled(chat).slice(0, 2), ['<|user|>', '7'])
    assert.equal(spelled(chat).at(-1), '<|assistant|>')
    assert.ok(!chat.includes(0), 'the end token of a message stays text')
    assert.deepEqual(tokenizer.eosTokenIds, [0])
    assert.deepEqual(spelled(tokenizer.encode('<think>')), ['<think>'])
  })

  it('writes the same files for the same texts', () => {
    for (const name of ['a', 'b']) writeTokenizer(inFolder(name), texts, 290)
    for (const file of fs.readdirSync(inFolder('a'))) {
      assert.deepEqual(fs.readFileSync(inFolder('a', file)), fs.readFileSync(inFolder('b', file)))
    }
  })

  it('refuses a vocabulary that cannot hold the bytes', () => {
    assert.throws(() => {
      writeTokenizer(inFolder('t'), texts, 200)
    }, ConfigError)
  })
})
