import assert from 'node:assert/strict'
import { themes } from '../../scripts/pictures/theme.js'
import { animateTerminal, drawTerminal } from '../../scripts/pictures/terminal/drawing.js'
import { finalLines, framesOf } from '../../scripts/pictures/terminal/frames.js'
import { readRecording, recordTerminal } from '../../scripts/pictures/terminal/recording.js'
import type { Recording } from '../../scripts/pictures/terminal/recording.js'
import { Screen } from '../../scripts/pictures/terminal/screen.js'
import { useTemporaryFolder } from '../io/temporaryFolder.js'

const [light] = themes

describe('the screen of a recorded terminal', () => {
  it('has what a progress bar leaves, and all that scrolled off', () => {
    const screen = new Screen(20, 3)
    screen.write('one\r\n')
    for (const share of ['10 %', '60 %']) screen.write(`\x1b[1G\x1b[2K███ ${share}`)
    screen.write('\x1b[1G\x1b[0Jstep 1\r\nlast\r\nend')
    assert.deepEqual(screen.lines, ['one', 'step 1', 'last', 'end'])
    assert.equal(screen.top, 1)
    screen.write('\x1b[2A\x1b[0Kx\x1b[1Dy')
    assert.deepEqual(screen.lines, ['one', 'stey', 'last', 'end'])
  })

  it('wraps as terminals do: when the next character comes', () => {
    const screen = new Screen(4, 5)
    screen.write('abcd\r\nabcde')
    assert.deepEqual(screen.lines, ['abcd', 'abcd', 'e'])
  })

  it('passes over colours, and names a sequence that it does not know', () => {
    const screen = new Screen(9, 2)
    screen.write('\x1b[1;31mred\x1b[0m\x1b[?25l')
    assert.deepEqual(screen.lines, ['red'])
    assert.throws(() => {
      screen.write('\x1b[5S')
    }, /"\\u001b\[5S" is not known/)
  })
})

describe('a recording', () => {
  const inFolder = useTemporaryFolder()
  const recording: Recording = {
    columns: 30,
    rows: 3,
    command: 'npm start',
    events: [
      [1, 'base  40 %\r\n'],
      [2, '\x1b[2K\x1b[1G█░ 1/2'],
      [3, '\x1b[2K\x1b[1G██ 2/2'],
      [4, '\x1b[2K\x1b[1Gafter  90 %\r\nreport  here\r\n'],
    ],
    seconds: 4,
  }

  it('becomes frames that keep what stands still', () => {
    const { stretches, tops, count } = framesOf(recording, 4)
    const texts = stretches.map(({ text, from, to }) => `${from}-${to} ${text}`)
    assert.deepEqual(texts.sort(), [
      '0-4 $ npm start',
      '0-4 base  40 %',
      '1-2 █░ 1/2',
      '2-3 ██ 2/2',
      '3-4 after  90 %',
      '3-4 report  here',
    ])
    assert.deepEqual([tops, count], [[0, 0, 0, 2], 4])
    assert.deepEqual(finalLines(recording), ['$ npm start', 'base  40 %', 'after  90 %', 'report  here'])
  })

  it('is drawn so that its end is there where nothing moves', () => {
    const svg = animateTerminal(framesOf(recording, 4), {
      ...recording,
      seconds: 8,
      views: [
        { top: 1, seconds: 3 },
        { top: 2, seconds: 2 },
      ],
      theme: light!,
      title: 'npm start in a terminal',
    })
    const [, still] = /<style>(.*?)@media \(prefers-reduced-motion:no-preference\)/.exec(svg)!
    assert.equal(still, '.s{transform:translateY(-19px)}.h{visibility:hidden}')
    const hidden = (text: string): boolean =>
      new RegExp(`class="l h"[^>]*>(<(rect|text)[^>]*>[^<]*(</text>)?)*${text}`).test(svg)
    assert.deepEqual(['1/2', '2/2', 'after', 'report'].map(hidden), [true, true, false, false])
    // Every animation that is named is there.
    const named = [...svg.matchAll(/animation-name:([\w-]+)/g)].map(([, name]) => name!)
    assert.ok(named.length > 10)
    for (const name of named) assert.ok(svg.includes(`@keyframes ${name}{`), name)
  })

  it('is drawn with words in their columns in any font, and texts as texts', () => {
    const svg = drawTerminal(['a  <b> & c', '██░'], 30, light!, 'some & such')
    assert.match(
      svg,
      /<text x="25.2" y="14" textLength="58.8" lengthAdjust="spacingAndGlyphs">&#60;b&#62; &#38; c<\/text>/,
    )
    assert.equal(svg.match(/<rect /g)!.length, 3)
    assert.ok(svg.includes('<title>some &#38; such</title>'))
  })

  it('is made in a terminal of its size, kept and read again', async function () {
    if (process.platform === 'win32') this.skip()
    const file = inFolder('recordings', 'size.cast')
    const options = { columns: 50, rows: 7, cwd: inFolder() }
    const made = await recordTerminal(file, 'stty size', options)
    assert.deepEqual(finalLines(made), ['$ stty size', '7 50'])
    assert.deepEqual(readRecording(file), made)
    await assert.rejects(
      recordTerminal(file, 'sh -c "echo oh; exit 3"', options),
      /ended with 3, expected 0; it wrote:\noh/,
    )
    assert.throws(() => readRecording(inFolder('none.cast')), /without --stored first/)
  })
})
