import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { sha256 } from '../../src/io/checksums.js'

describe('sha256', () => {
  it('refuses devices, pipes and folders, which cannot be read to an end', function () {
    if (process.platform === 'win32') this.skip()
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'checksums-'))
    try {
      const [pipe, device] = [path.join(folder, 'pipe'), path.join(folder, 'device')]
      assert.equal(spawnSync('mkfifo', [pipe]).status, 0)
      fs.symlinkSync('/dev/zero', device)
      for (const file of [pipe, device, folder]) assert.throws(() => sha256(file), /not a regular file/)
    } finally {
      fs.rmSync(folder, { recursive: true })
    }
  })
})
