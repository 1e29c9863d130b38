import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import path from 'node:path'

describe('interfaces of options', () => {
  it('are what their schemas say', () => {
    const root = path.resolve(import.meta.dirname, '../../..')
    const args = ['--import', 'tsx', 'scripts/option-types.mjs', '--check']
    const { status, stderr } = spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8' })
    assert.equal(status, 0, stderr)
  })
})
