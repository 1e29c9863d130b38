import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import { setupScript } from '../../../src/export/scripts/runScript.js'
import { useTemporaryFolder } from '../../io/temporaryFolder.js'

describe('setup.sh', () => {
  const at = useTemporaryFolder()

  it('says what to do where npm does not get grpo-ts', () => {
    fs.mkdirSync(at('venv/bin'), { recursive: true })
    fs.mkdirSync(at('bin'))
    fs.writeFileSync(at('setup.sh'), setupScript())
    for (const [name, script] of [
      ['venv/bin/python', 'exit 0'],
      ['bin/npm', 'echo E404 >&2; exit 1'],
    ] as const) {
      fs.writeFileSync(at(name), `#!/bin/sh\n${script}\n`, { mode: 0o755 })
    }
    const env = { ...process.env, PATH: `${at('bin')}:${process.env.PATH}` }
    const failed = spawnSync('bash', [at('setup.sh')], { encoding: 'utf8', env: { ...env, GRPO_TS: '' } })
    assert.equal(failed.status, 1)
    assert.match(
      failed.stderr,
      /^E404\nsetup\.sh: npm does not get .*npm install \.\/grpo-ts-VERSION\.tgz.* or set GRPO_TS\n$/,
    )
    assert.equal(spawnSync('bash', [at('setup.sh')], { env: { ...env, GRPO_TS: 'main.js' } }).status, 0)
  })
})
