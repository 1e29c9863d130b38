import assert from 'node:assert/strict'
import fc from 'fast-check'
import { wrapLines } from '../../../../src/cli/verbs/review/wrapLines.js'

describe('cli/verbs/review/wrapLines', () => {
  it('breaks lines at blanks, and long words where it must', () => {
    assert.deepEqual(wrapLines('one two three four', 10), ['one two', 'three four'])
    assert.deepEqual(wrapLines('a\n\nb\tc', 10), ['a', '', 'b    c'])
    assert.deepEqual(wrapLines('x'.repeat(25), 10), ['x'.repeat(10), 'x'.repeat(10), 'x'.repeat(5)])
    assert.deepEqual(wrapLines('', 10), [''])
  })

  it('knows characters of two columns and of none', () => {
    assert.deepEqual(wrapLines('漢字漢字漢字', 10), ['漢字漢字漢', '字'])
    assert.deepEqual(wrapLines('e\u0301'.repeat(10), 10), ['e\u0301'.repeat(10)])
  })

  it('loses nothing but blanks at line ends', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 300 }), fc.integer({ min: 10, max: 60 }), (text, width) => {
        const lines = wrapLines(text, width)
        assert.equal(lines.join('').replace(/\s/g, ''), text.replace(/\s/g, ''))
        for (const line of lines) assert.ok(line.length <= 20 * width)
      }),
    )
  })

  it('takes no time beyond that of the length', () => {
    const started = performance.now()
    assert.equal(wrapLines('x'.repeat(200_000), 80).length, 2500)
    assert.equal(wrapLines('a b '.repeat(50_000), 80).length > 2000, true)
    assert.ok(performance.now() - started < 120_000)
  })
})
