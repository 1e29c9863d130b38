import assert from 'node:assert/strict'
import { FIXTURE, loadChanged } from './fixture.js'

/** Pieces of a text: the tokens of a tokenizer that has no merges but knows every piece as a whole. */
function split(preTokenizer: object, text: string, pieces: readonly string[]): string[] {
  const vocabulary = Object.fromEntries([...new Set(pieces)].map((piece, id) => [piece, id]))
  const tokenizer = loadChanged(FIXTURE.byteLevel, {
    'tokenizer.json': JSON.stringify({
      model: { type: 'WordLevel', vocab: vocabulary, unk_token: '[UNK]' },
      pre_tokenizer: preTokenizer,
    }),
    'tokenizer_config.json': '{}',
  })
  return tokenizer.encode(text).map((id) => tokenizer.idToToken(id)!)
}

// The expected pieces are those of the Rust library (tokenizers 0.23.2 on npm).
describe('preparePreTokenizer', () => {
  it('splits every numeric character off as a digit', () => {
    const single = ['a', '1', '2', '²', '½', ' ', 'Ⅳ', '٣', 'b']
    assert.deepEqual(split({ type: 'Digits', individual_digits: true }, 'a12²½ Ⅳ٣b', single), single)
    const together = ['a', '12²½', ' ', 'Ⅳ٣', 'b']
    assert.deepEqual(split({ type: 'Digits', individual_digits: false }, 'a12²½ Ⅳ٣b', together), together)
  })

  it('knows white space as Unicode does where ByteLevel splits by its own pattern', () => {
    const pieces = ['a', '!', 'Âħ', 'Ġb', '!ï»¿', 'c', 'Ġ', 'Ġ1']
    assert.deepEqual(split({ type: 'ByteLevel', add_prefix_space: false }, 'a!\u0085 b!\uFEFFc  1', pieces), pieces)
  })
})
