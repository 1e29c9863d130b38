import assert from 'node:assert/strict'
import { DecoderModel } from '../../../src/engine/cpu/decoderModel.js'
import { run } from '../run.js'

describe('cli/selftest', () => {
  it('prints the gates and ends with 0 where all are passed', async () => {
    const { code, stdout, stderr } = await run(['selftest', '--threads', '1'])
    assert.equal(code, 0, stderr)
    const lines = stdout.trimEnd().split('\n')
    assert.match(lines[0]!, /^model {4}tiny, random weights$/)
    assert.match(lines[1]!, /^engine {3}cpu/)
    assert.match(lines[3]!, /^gate +result +measured +allowed +s +what$/)
    assert.equal(lines.filter((line) => / pass +\d/.test(line)).length, 9)
    assert.equal(lines.at(-1), 'all 9 gates passed')
  })

  it('ends with 1 where one is not', async () => {
    const values = Object.getOwnPropertyDescriptor(DecoderModel.prototype, 'values')!
    const defective = values.value as DecoderModel['values']
    DecoderModel.prototype.values = function (rows, options) {
      return defective.call(this, rows, { ...options, reference: false })
    }
    try {
      const { code, stdout, stderr } = await run(['selftest', '--threads', '1'])
      assert.equal(code, 1)
      assert.match(stdout, /^adapter off = base +FAIL/m)
      assert.match(stderr, /gates failed \(adapter off = base/)
    } finally {
      Object.defineProperty(DecoderModel.prototype, 'values', values)
    }
  })
})
