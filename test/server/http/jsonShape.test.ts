import assert from 'node:assert/strict'
import { findDuplicateKey } from '../../../src/io/json.js'
import { HttpError } from '../../../src/server/http/httpError.js'
import { checkJsonShape } from '../../../src/server/http/jsonShape.js'
import { assertLinearTime } from '../../linearTime.js'

describe('server/http/jsonShape', () => {
  const check = (text: string): void => {
    checkJsonShape(Buffer.from(text))
  }

  it('counts levels, not brackets in texts', () => {
    check('[[]]'.repeat(100))
    check(`"${'['.repeat(100)}"`)
    check(`["\\"${'['.repeat(100)}","\\\\",${'{'.repeat(31)}`)
    assert.throws(() => {
      check(`["\\\\"${'['.repeat(40)}`)
    }, HttpError)
  })

  it('lets millions of numbers pass', () => {
    check(`[${'12345,'.repeat(2e6)}0]`)
  })

  it('takes text that is cut off anywhere', () => {
    const text = '{"a\\"":["b\\\\"]}'
    for (let i = 0; i <= text.length; i++) check(text.slice(0, i))
  })

  it('takes linear time, as the search for keys that are there twice does', () => {
    for (const unit of ['1,', '[],', '"\\"', '   ', '"a":', '\\']) assertLinearTime(check0, unit, 2 ** 22)
    for (const unit of ['"a"   ,', '"\\\\",', '{"a":1},', `"${'a'.repeat(99)}",`]) {
      assertLinearTime((text) => findDuplicateKey(`[${text}0]`), unit, 2 ** 22)
    }
    const keys = Array.from({ length: 2e5 }, (_, i) => `"key ${i}":${i}`).join()
    assert.equal(findDuplicateKey(`{${keys}}`), undefined)
    assert.equal(findDuplicateKey(`{${keys},"key 7":0}`), 'key 7')
  })

  /** Whether it is refused or not. */
  function check0(text: string): void {
    try {
      check(text)
    } catch (error) {
      assert.ok(error instanceof HttpError)
    }
  }
})
