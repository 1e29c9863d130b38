import assert from 'node:assert/strict'
import { PassThrough } from 'node:stream'
import { text } from 'node:stream/consumers'
import { setTimeout } from 'node:timers/promises'
import { showCompiling } from '../../../src/cli/terminal/compileProgress.js'
import { Progress } from '../../../src/cli/terminal/progress.js'

describe('cli/compileProgress', () => {
  it('names the programs that take long, above the bar, and what that means once', async function () {
    this.timeout(10_000)
    const stream = Object.assign(new PassThrough(), { isTTY: true, columns: 80 })
    const written = text(stream)
    const onCompile = showCompiling(stream)
    onCompile('merge', Promise.resolve())
    onCompile('grow', Promise.reject(new Error('refused')))
    const slow = setTimeout(2000)
    onCompile('prefill', slow)
    await slow
    const progress = new Progress(stream, 10, 'steps')
    const slower = setTimeout(2000)
    onCompile('decode', slower)
    await slower
    progress.stop()
    stream.end()
    // eslint-disable-next-line no-control-regex -- what moves the cursor and clears lines
    const lines = (await written).replace(/\x1b\[\d*[A-Z]/g, '\n').split('\n')
    assert.deepEqual(
      lines.filter((line) => line.startsWith('compile')),
      ['compile  prefill; each is compiled once, and kept on disk for later runs', 'compile  decode'],
    )
  })
})
