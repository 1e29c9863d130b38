import assert from 'node:assert/strict'
import { PassThrough } from 'node:stream'
import { text } from 'node:stream/consumers'
import { Progress } from '../../../src/cli/terminal/progress.js'

/** What a progress bar of ten steps writes to a terminal of some width, or to a file for null. */
async function write(columns: number | null): Promise<string> {
  const stream = Object.assign(new PassThrough(), columns === null ? {} : { isTTY: true, columns })
  const written = text(stream)
  const progress = new Progress(stream, 10, 'steps')
  for (let step = 1; step <= 10; step++) {
    progress.update(step, `reward 0.125  ${step} tokens/s`)
    progress.log(`step ${step}`)
  }
  progress.stop()
  stream.end()
  return written
}

describe('cli/progress', () => {
  it('prints lines alone where there is no terminal', async () => {
    assert.equal(await write(null), Array.from({ length: 10 }, (_, i) => `step ${i + 1}\n`).join(''))
  })

  it('shows signs of life where there is no terminal, less and less often, with the time left', async () => {
    const stream = new PassThrough()
    const written = text(stream)
    let milliseconds = 0
    const progress = new Progress(stream, 1000, 'answers', { first: 100, now: () => milliseconds })
    for (let second = 0; second <= 300; second++) {
      milliseconds = 1000 * second
      if (second === 8) progress.log('a line of its own')
      progress.update(100 + 3 * second, 'base')
    }
    progress.stop()
    stream.end()
    const lines = (await written).trimEnd().split('\n')
    assert.deepEqual(lines.slice(0, 4), [
      '109/1000 answers  base  4 min 57 s left',
      'a line of its own',
      '154/1000 answers  base  4 min 42 s left',
      '184/1000 answers  base  4 min 32 s left',
    ])
    // Every ten seconds at first; every half minute after five.
    assert.ok(lines.length > 15 && lines.length < 25, String(lines.length))
  })

  it('draws a bar within the width of the terminal, and the lines above it', async () => {
    for (const [columns, bar] of [
      [100, '█'.repeat(15) + '░'.repeat(15)],
      [60, '█'],
      [30, '5/10 steps  reward 0.125  5 to'],
    ] as const) {
      const written = await write(columns)
      // eslint-disable-next-line no-control-regex -- the terminal's control sequences
      const pieces = written.split(/\x1b\[\d*[A-Z]|\x1b\[\?\d+[hl]|\n/i).filter((piece) => piece !== '')
      for (const piece of pieces) assert.ok(piece.length < columns, `${columns} columns: ${piece}`)
      for (let step = 1; step <= 10; step++) assert.ok(pieces.includes(`step ${step}`))
      const half = pieces.find((piece) => piece.includes('5/10 steps'))
      assert.ok(half?.startsWith(bar.slice(0, columns - 1)), half)
    }
  })

  it('changes no setting of the terminal, which nobody would change back after a second Ctrl-C', async () => {
    assert.doesNotMatch(await write(80), /\[\?(7|25)[hl]/)
  })
})
