import assert from 'node:assert/strict'
import path from 'node:path'
import { Tokenizer } from '../../src/text/tokenizer.js'
import { FIXTURE, loadChanged, type Changes } from './fixture.js'

const model = (change: object) => (json: Record<string, unknown>) => {
  Object.assign(json.model as object, change)
}

const refused: { what: string; changes: Changes; name: string; message: RegExp }[] = [
  {
    what: 'a tokenizer.json cut short',
    changes: { 'tokenizer.json': '{"model": {"type": "BP' },
    name: 'FileFormatError',
    message: /tokenizer\.json: is not valid JSON/,
  },
  {
    what: 'a tokenizer.json that is no object',
    changes: { 'tokenizer.json': '[]' },
    name: 'FileFormatError',
    message: /tokenizer\.json: expected a JSON object, got \[\]/,
  },
  {
    what: 'a corrupt tokenizer_config.json',
    changes: { 'tokenizer_config.json': 'version https://git-lfs.github.com/spec/v1' },
    name: 'FileFormatError',
    message: /tokenizer_config\.json: is not valid JSON/,
  },
  {
    what: 'a tokenizer without model',
    changes: { 'tokenizer.json': '{"added_tokens": []}' },
    name: 'FileFormatError',
    message: /tokenizer\.json: model must be an object, got undefined/,
  },
  {
    what: 'an unknown kind of model',
    changes: { 'tokenizer.json': model({ type: 'Mega' }) },
    name: 'UnsupportedError',
    message:
      /tokenizer\.json: tokenizer model 'Mega' is not supported; supported are BPE, Unigram, WordPiece, WordLevel/,
  },
  {
    what: 'BPE with a prefix for later parts of a word',
    changes: { 'tokenizer.json': model({ continuing_subword_prefix: '##' }) },
    name: 'UnsupportedError',
    message: /continuing_subword_prefix '##'/,
  },
  {
    what: 'a vocabulary with an id that is none',
    changes: { 'tokenizer.json': model({ vocab: { a: 0, b: 'one' } }) },
    name: 'FileFormatError',
    message: /the id of the token 'b' is 'one'/,
  },
  {
    what: 'a missing vocabulary',
    changes: { 'tokenizer.json': model({ vocab: null }) },
    name: 'FileFormatError',
    message: /model\.vocab is missing or null/,
  },
  {
    what: 'missing merges',
    changes: { 'tokenizer.json': model({ merges: undefined }) },
    name: 'FileFormatError',
    message: /tokenizer\.json: is not a tokenizer that can be used/,
  },
  {
    what: 'an added token without content',
    changes: { 'tokenizer.json': (json) => (json.added_tokens = [{ id: 3 }]) },
    name: 'FileFormatError',
    message: /added_tokens must be a list of {id, content, …}/,
  },
  {
    what: 'an unknown normalizer',
    changes: { 'tokenizer.json': (json) => (json.normalizer = { type: 'Nmt' }) },
    name: 'UnsupportedError',
    message: /tokenizer\.json: Unknown Normalizer type: Nmt/,
  },
  {
    what: 'an unknown decoder',
    changes: { 'tokenizer.json': (json) => (json.decoder = { type: 'Magic' }) },
    name: 'UnsupportedError',
    message: /Unknown Decoder type: Magic/,
  },
  {
    what: 'a way of splitting that the library would ignore',
    changes: {
      'tokenizer.json': (json) =>
        (json.pre_tokenizer = {
          type: 'Sequence',
          pretokenizers: [{ type: 'Split', pattern: { String: ' ' }, behavior: 'MergedWithNext' }],
        }),
    },
    name: 'UnsupportedError',
    message: /pre-tokenizer 'Split' with behavior 'MergedWithNext' is not supported; supported is Isolated or Removed/,
  },
  {
    what: 'an EOS token that the vocabulary does not have',
    changes: { 'tokenizer_config.json': '{"eos_token": "<|stop|>"}' },
    name: 'FileFormatError',
    message: /tokenizer_config\.json: eos_token is '<\|stop\|>', which tokenizer\.json does not have/,
  },
  {
    what: 'an EOS id that is none',
    changes: { 'generation_config.json': '{"eos_token_id": [1, "2"]}' },
    name: 'FileFormatError',
    message: /generation_config\.json: eos_token_id must be a token id or a list of them, got \[ 1, '2' \]/,
  },
]

describe('tokenizer files', () => {
  for (const { what, changes, name, message } of refused) {
    it(`refuses ${what}`, () => {
      assert.throws(() => loadChanged(FIXTURE.byteLevel, changes), { name, message })
    })
  }

  it('refuses a folder without tokenizer.json', () => {
    const folder = path.dirname(FIXTURE.byteLevel)
    assert.throws(() => Tokenizer.load(folder), {
      name: 'FileFormatError',
      file: path.join(folder, 'tokenizer.json'),
      message: /not found; a model folder needs it/,
    })
  })

  it('needs tokenizer.json only', () => {
    const tokenizer = loadChanged(FIXTURE.byteLevel, { 'tokenizer_config.json': null, 'generation_config.json': null })
    assert.equal(tokenizer.decode(tokenizer.encode('she sold clips')), 'she sold clips')
    assert.equal(tokenizer.hasChatTemplate, false)
    assert.equal(tokenizer.eosTokenId, undefined)
    assert.deepEqual(tokenizer.eosTokenIds, [])
  })

  it('takes special tokens from tokenizer_config.json before special_tokens_map.json', () => {
    const tokenizer = loadChanged(FIXTURE.byteLevel, {
      'tokenizer_config.json': '{"eos_token": "<|im_end|>", "pad_token": null}',
      'special_tokens_map.json':
        '{"eos_token": "<think>", "pad_token": "<think>", "bos_token": {"content": "<|begin|>"}}',
    })
    assert.equal(tokenizer.eosTokenId, tokenizer.tokenToId('<|im_end|>'))
    assert.equal(tokenizer.padTokenId, undefined)
    assert.equal(tokenizer.bosTokenId, tokenizer.tokenToId('<|begin|>'))
  })
})
