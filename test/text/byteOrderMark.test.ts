import assert from 'node:assert/strict'
import { Tokenizer } from '../../src/text/tokenizer.js'
import { FIXTURE } from './fixture.js'

describe('U+FEFF', () => {
  it('is kept by byte-level and byte-fallback tokenizers', () => {
    for (const folder of [FIXTURE.byteLevel, FIXTURE.llama2]) {
      const tokenizer = Tokenizer.load(folder)
      for (const text of ['\ufeff', 'a\ufeffb', '\ufeffa']) {
        assert.equal(tokenizer.decode(tokenizer.encode(text)).replace(/^ /, ''), text, folder)
      }
    }
  })
})
