import assert from 'node:assert/strict'
import { groupsOfPrompt, rowsOfGroup } from '../../../src/engine/xla/rowSlots.js'

describe('engine/xla: groups of rows', () => {
  it('are as few as possible, and as full as they can be', () => {
    const rows = [1, 4, 7, 8, 9, 11, 12, 16, 64].map(rowsOfGroup)
    assert.deepEqual(rows, [1, 4, 7, 8, 5, 6, 6, 8, 8])
    for (let count = 1; count <= 100; count++) {
      const groups = groupsOfPrompt(count)
      const places = groups * rowsOfGroup(count)
      assert.ok(rowsOfGroup(count) <= 8 && places >= count && places - count < groups)
      assert.ok((groups - 1) * 8 < count)
    }
  })
})
