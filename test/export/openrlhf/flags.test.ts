import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { bashFlags } from '../../../src/export/openrlhf/flags.js'

describe('flags in bash', () => {
  it('are what the shell makes of them again', () => {
    const flags = bashFlags({
      'a.alone': true,
      'a.list': [0.9, -1],
      'a.text': "it's $HOME & `more`",
      'a.path': './data/x',
    })
    const script = `cd / && words=(${flags}) && printf '%s\\n' "\${words[@]}"`
    const { stdout } = spawnSync('bash', ['-c', script], { encoding: 'utf8' })
    assert.deepEqual(stdout.trimEnd().split('\n'), [
      '--a.alone',
      '--a.list',
      '0.9',
      '-1',
      '--a.text',
      "it's $HOME & `more`",
      '--a.path',
      '//data/x',
    ])
  })
})
