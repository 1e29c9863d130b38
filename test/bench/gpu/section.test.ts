import assert from 'node:assert/strict'
import { runSection } from '../../../bench/gpu/section.js'

function program(source: string, limit = 60): Parameters<typeof runSection>[0] {
  return { name: 'a part', limit, command: [process.execPath, '-e', source] }
}

const record = `console.log(JSON.stringify({ benchmark: 'generation', completions: 8 }))`

describe('a part of bench:gpu', () => {
  it('gives its records, and all else that it says', async () => {
    const result = await runSection(program(`console.log('begun'); ${record}; console.log('ended')`), 60)
    assert.equal(result.status, 'passed')
    assert.deepEqual(result.records, [{ benchmark: 'generation', completions: 8 }])
    assert.equal(result.output, 'begun\nended')
    assert.equal(result.errors, '')
  })

  it('keeps what it measured before it failed, and says why', async () => {
    const result = await runSection(program(`${record}; throw new Error('out of memory')`), 60)
    assert.equal(result.status, 'failed')
    assert.equal(result.records.length, 1)
    assert.match(result.errors, /out of memory[^]*exit code 1$/)
  })

  it('keeps it when its time is over, whichever time that is', async () => {
    const waits = `${record}; setTimeout(() => {}, 60_000)`
    for (const [limit, secondsLeft] of [
      [1.5, 60],
      [60, 1.5],
    ] as const) {
      const result = await runSection(program(waits, limit), secondsLeft)
      assert.equal(result.status, 'late')
      assert.equal(result.records.length, 1)
      assert.ok(result.seconds < 10, `${result.seconds} s`)
    }
  })

  it('says that there is no such program', async () => {
    const result = await runSection({ name: 'a part', limit: 10, command: ['no-such-program'] }, 60)
    assert.equal(result.status, 'failed')
    assert.match(result.errors, /ENOENT/)
  })
})
