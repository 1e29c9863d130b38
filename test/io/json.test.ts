import assert from 'node:assert/strict'
import { quote } from '../../src/io/json.js'

describe('quote', () => {
  it('leaves the password of an address out, whole or cut, and the address alone that has none', () => {
    assert.equal(quote(['http://me:s3cret@host:8000/v1']), "[ 'http://…@host:8000/v1' ]")
    assert.doesNotMatch(quote(`http://me:${'s3cret'.repeat(20)}@host`), /s3cret/)
    assert.equal(quote({ base_url: 'http://host:8000/a@b' }), "{ base_url: 'http://host:8000/a@b' }")
  })
})
