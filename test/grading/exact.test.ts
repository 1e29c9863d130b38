import assert from 'node:assert/strict'
import { exactGrader } from '../../src/grading/exact.js'
import { assertLinearTime } from '../linearTime.js'

const problem = { id: 'any', question: '', answer: 'Café' }

describe('exactGrader', () => {
  it('compares texts whichever way their accents are encoded, without quotes around them', () => {
    for (const said of ['Café', 'Cafe\u0301', '"café".', '**Café**']) {
      assert.ok(exactGrader(`#### ${said}`, problem).correct, said)
    }
    assert.ok(!exactGrader('#### Cafe', problem).correct)
  })

  for (const run of ['*', '.*', '"', ' ', 'answer ', '\\text{']) {
    it(`takes time linear in a run of ${JSON.stringify(run)}`, () => {
      assertLinearTime((text) => exactGrader(`#### ${text}a`, problem), run, 1_000_000)
    })
  }
})
