import assert from 'node:assert/strict'
import { parsePythonJson } from '../../src/io/pythonJson.js'

describe('parsePythonJson', () => {
  it('reads NaN and infinities as null, outside of texts alone', () => {
    const text = '{"a": NaN, "b": [-Infinity, Infinity, 1], "NaN": "-Infinity \\" NaN", "c\\\\": NaN}'
    assert.deepEqual(parsePythonJson(text), { a: null, b: [null, null, 1], NaN: '-Infinity " NaN', 'c\\': null })
    assert.equal(parsePythonJson('NaN'), null)
    assert.equal(parsePythonJson(' 3 '), 3)
  })

  it('refuses what is cut or no JSON', () => {
    for (const text of ['', '{"a": NaN', '"NaN', '[NaN', 'NaNNaN', '-NaN', '{"a": Infinit}', '{NaN: 1}']) {
      assert.throws(() => parsePythonJson(text), SyntaxError, text)
    }
  })

  it('takes time in proportion to the length', () => {
    const long = JSON.stringify({ text: '"\\'.repeat(500_000), more: 'x'.repeat(500_000) })
    assert.deepEqual(parsePythonJson(`[NaN, ${long}]`), [null, JSON.parse(long)])
  })
})
