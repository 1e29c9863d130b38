import assert from 'node:assert/strict'
import os from 'node:os'
import { expandPath } from '../../src/io/expandPath.js'

describe('io/expandPath', () => {
  it('replaces the home folder at the start and variables anywhere', () => {
    const variables = { DATA: '/data', EMPTY: '' }
    const cases = [
      ['~', os.homedir()],
      ['~/x', `${os.homedir()}/x`],
      ['~other/x', '~other/x'],
      ['a~/x', 'a~/x'],
      ['$DATA/x', '/data/x'],
      ['${DATA}x$DATA', '/datax/data'],
      ['$EMPTY/x', '/x'],
      ['$NOTHING/x', '$NOTHING/x'],
      ['owner/name@v1', 'owner/name@v1'],
    ] as const
    for (const [given, expected] of cases) assert.equal(expandPath(given, variables), expected, given)
  })
})
