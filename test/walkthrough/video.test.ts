import assert from 'node:assert/strict'
import { findCell } from '../../walkthrough/pictures/notebookView.js'
import { cardPage, stripsPage, terminalPage, titlePage } from '../../walkthrough/pictures/pages.js'
import { playFirst } from '../../walkthrough/pictures/sceneFrames.js'
import { formatFrameList } from '../../walkthrough/video/encode.js'
import { asSpoken } from '../../walkthrough/video/speech.js'
import { readWav, trimSilence, writeWav } from '../../walkthrough/video/wav.js'

const markdown = (index: number, source: string) => ({ index, type: 'markdown' as const, source })
const code = (index: number, source: string) => ({ index, type: 'code' as const, source })
const cells = [
  markdown(0, '# All\n\nAn introduction.'),
  markdown(1, '## 1. One\n\nIts text.'),
  code(2, 'const a = 1'),
  markdown(3, '### A part of one'),
  code(4, 'train(a)'),
  markdown(5, '## 2. Two'),
  code(6, 'train(b)'),
]
const find = (heading: string, cell: string | null): number =>
  findCell(cells, { kind: 'notebook', heading, cell, part: 'code', isRun: false }, 'scene 1-1').index

describe('the video of the walkthrough', () => {
  it('finds cells by heading and text, below the heading and above the next of its level', () => {
    assert.equal(find('# All', null), 0)
    assert.equal(find('## 1. One', 'train('), 4)
    assert.equal(find('### A part of one', 'train('), 4)
    assert.equal(find('## 2. Two', 'train('), 6)
    assert.throws(
      () => find('## 3. Three', null),
      /scene 1-1: the notebook has no heading '## 3\. Three'; it has # All, ## 1\. One, /,
    )
    assert.throws(() => find('## 1. One', 'train(b)'), /scene 1-1: no code cell below '## 1\. One' holds 'train\(b\)'/)
  })

  it('plays what was recorded in the time that its sentences take: faster when it is long, held when it is short', () => {
    const taken = Array.from({ length: 11 }, (_, i) => ({ at: 4 * i, file: `${i}.png` }))
    const stills = [
      { file: 'end.png', seconds: 20 },
      { file: 'mark.png', seconds: 5 },
    ]
    const fast = playFirst(stills, taken, 40)
    assert.ok(Math.abs(fast.speed - 40 / 18) < 1e-9)
    const slow = playFirst(stills, taken.slice(0, 3), 8)
    assert.equal(slow.speed, 1)
    assert.deepEqual(slow.frames, [
      { file: '0.png', seconds: 4 },
      { file: '1.png', seconds: 4 },
      { file: '2.png', seconds: 12 },
      { file: 'mark.png', seconds: 5 },
    ])
    for (const { frames } of [fast, slow]) {
      const seconds = frames.reduce((sum, frame) => sum + frame.seconds, 0)
      assert.ok(Math.abs(seconds - 25) < 1e-6, String(seconds))
    }
  })

  it('lists frames for ffmpeg: repeated ones as one, the last one twice, quotes escaped', () => {
    const frames = [
      { file: "it's.png", seconds: 1 },
      { file: "it's.png", seconds: 0.5 },
      { file: 'none.png', seconds: 0 },
      { file: 'b.png', seconds: 2 },
    ]
    assert.equal(
      formatFrameList(frames),
      String.raw`ffconcat version 1.0
file 'it'\''s.png'
duration 1.500
file 'b.png'
duration 2.000
file 'b.png'
`,
    )
  })

  it('writes captions as they are spoken', () => {
    const pronounce = { GRPO: 'G R P O', o1: 'oh one', 'pass@k': 'pass at K' }
    assert.equal(
      asSpoken('GRPO and `numGenerations`: 47.1 %, p < 0.0001, 10,240 of o1 at pass@k', pronounce),
      'G R P O and num Generations: 47.1 percent, p below 0.0001, 10240 of oh one at pass at K',
    )
    assert.equal(asSpoken('GRPOConfig of foo1', pronounce), 'GRPOConfig of foo1')
  })

  it('reads and writes WAV, and finds what is said in it', () => {
    const samples = Int16Array.from([0, 3, -8000, 9000, 0, 500, 1, 0])
    const wav = writeWav({ rate: 22_050, samples })
    assert.deepEqual(readWav(wav, 'x'), { rate: 22_050, samples })
    assert.deepEqual([...trimSilence({ rate: 1, samples }).samples], [-8000, 9000, 0, 500])
    assert.equal(trimSilence({ rate: 1, samples: new Int16Array(9) }).samples.length, 0)
    const piped = Buffer.from(wav)
    piped.writeUInt32LE(0xffffffff, 40) // as a synthesiser writes that does not know the length yet
    assert.deepEqual(readWav(piped, 'x').samples, samples)
    assert.throws(() => readWav(Buffer.from('no sound at all'), 'x.wav'), /x\.wav: is no WAV file/)
    const stereo = Buffer.from(wav)
    stereo.writeUInt16LE(2, 22)
    assert.throws(() => readWav(stereo, 'x.wav'), /x\.wav: expected one channel of 16-bit PCM, got .* 2 channels/)
  })

  it('escapes what it puts into pages of its own', () => {
    const section = { number: 1, title: 'a < b', minutes: 1, scenes: [] }
    assert.match(titlePage(section, 5), /Part 1 of 5.*a &#60; b/s)
    assert.match(
      terminalPage('npm start', 'x\n<think>\n'),
      /<pre>\$ npm start<\/pre><pre>x<\/pre><pre>&#60;think&#62;<\/pre><\/div><\/main>/,
    )
    const strip = { caption: 'is `1 < 2`', place: 'here', speed: 2 }
    assert.match(stripsPage([strip], 80), /is 1 &#60; 2.*2\.0 × as fast/s)
    assert.doesNotMatch(stripsPage([{ ...strip, speed: 1 }], 80), /as fast/)
    assert.match(cardPage('# Title\n\n- one'), /<h1>Title<\/h1>[^]*<li>one<\/li>/)
  })
})
