import assert from 'node:assert/strict'
import fc from 'fast-check'
import { visibleLine, visibleText } from '../../src/io/visibleText.js'

describe('io/visibleText', () => {
  it('shows what a terminal or a page would obey', () => {
    assert.equal(visibleText('a\u001b[31mred\u001b[0m\u0007'), 'a␛[31mred␛[0m␇')
    assert.equal(visibleText('\u009b2J\u007f\u0000'), '<U+009B>2J␡␀')
    assert.equal(visibleText('up\u202edown\u2066\u200b\ufeff'), 'up<U+202E>down<U+2066><U+200B><U+FEFF>')
    assert.equal(visibleText('hidden \u{e0041}\u{e0042}'), 'hidden <U+E0041><U+E0042>')
    assert.equal(visibleText('\ud800 alone'), '\ufffd alone')
  })

  it('keeps texts of all scripts, lines and tabs as they are', () => {
    for (const text of ['x = 3\n\ty', 'ä 漢字 ðŸ', 'می\u200cخواهم', '👩\u200d👧', 'e\u0301'])
      assert.equal(visibleText(text), text)
    assert.equal(visibleText('one\r\ntwo\u2028three\u0085four'), 'one\ntwo\nthree\nfour')
    assert.equal(visibleText('over\rwritten'), 'over␍written')
  })

  it('lets nothing through that is not to be seen', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        assert.doesNotMatch(visibleText(text), /(?![\n\t\u200c\u200d])[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/u)
        assert.doesNotMatch(visibleLine(text), /\n/)
      }),
    )
  })
})
