import assert from 'node:assert/strict'
import { run } from '../run.js'

describe('cli/lint-reward', () => {
  it('ends with 0 for a sound reward', async () => {
    const { code, stdout, stderr } = await run([
      'lint-reward',
      'correctness',
      'format:0.2?when=correctness',
      '--limit',
      '3',
    ])
    assert.equal(code, 0, stderr)
    assert.match(stdout, /the problem's own solution +gold +1\.20/)
    assert.match(stdout, /correctness\+format: sound/)
  })

  it('ends with 1 for one that pays adversarial completions', async () => {
    const { code, stdout, stderr } = await run(['lint-reward', 'think_format', '--limit', '2', '--all'])
    assert.equal(code, 1)
    assert.match(stdout, /tags only +adversarial +1\.00 +1\.00 +1\.00 +2 of 2/)
    assert.match(stderr, /think_format: exploitable/)
    assert.equal((await run(['lint-reward', 'no_such_reward'])).code, 2)
  })
})
