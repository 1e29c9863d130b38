import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { takePictures } from '../../walkthrough/pictures/takePictures.js'
import { recordNotebook } from '../../walkthrough/recording/recordNotebook.js'
import { parseScript, scenesOf } from '../../walkthrough/text/script.js'
import { makeTimeline } from '../../walkthrough/text/timeline.js'
import { chaptersOf, formatMetadata } from '../../walkthrough/text/webVtt.js'
import { encodeVideo } from '../../walkthrough/video/encode.js'
import { writePagePictures } from '../../walkthrough/video/pagePictures.js'
import { isInstalled } from '../../walkthrough/video/programs.js'
import { findSynthesiser, speakTimeline } from '../../walkthrough/video/speech.js'
import { useChromium } from './chromium.js'
import { useJupyterLab } from './jupyterLab.js'

const root = path.resolve(import.meta.dirname, '../..')

const script = parseScript(
  `
title: A small walkthrough
summary: Of three cells.
pronounce: {}
sections:
  - title: All of it
    minutes: 0.5
    scenes:
      - title: A card
        show: { card: '# A card' }
        say: This is a card.
      - title: A table
        show: { notebook: '## One', cell: show.table, part: output }
        say: [A table., { point: bold, say: A row of it. }]
      - title: A chart that grows
        show: { notebook: '## Two', cell: untilInterrupted, part: output, run: true }
        say: [This chart grows while the cell runs., { point: Live, say: Now it has grown. }]
      - title: A command
        show: { terminal: start, run: true }
        say: It prints something.
`,
  'script.yaml',
)

const sources: readonly (readonly ['markdown' | 'code', string])[] = [
  ['markdown', '## One'],
  ['code', `import { show, untilInterrupted } from 'grpo-ts'\nshow.setUpCharts()`],
  ['code', `show.table([{ completion: 'bold', reward: 1 }, { completion: 'timid', reward: limit }])`],
  ['markdown', '## Two'],
  [
    'code',
    `async function* count() {
  for (let i = 1; i <= 20; i++) {
    await new Promise((resolve) => setTimeout(resolve, 150))
    yield i
  }
}
const chart = show.liveChart([{ series: { reward: 'mean' }, layout: { title: 'Live' } }], { everyMs: 100 })
await null
for await (const step of untilInterrupted(count())) chart.add(step, { reward: 1 - 1 / step })
chart.done()`,
  ],
]

describe('the walkthrough in a browser', function () {
  const browser = useChromium()
  const lab = useJupyterLab()
  let folder = ''
  before(function () {
    if (!isInstalled('ffmpeg', '-version')) {
      console.log('skipped: there is no ffmpeg here; install it')
      this.skip()
    }
    folder = fs.mkdtempSync(path.join(root, 'notebooks/.lab-test-'))
  })
  after(() => {
    if (folder !== '') fs.rmSync(folder, { recursive: true, force: true })
  })

  it('records a notebook while it runs and makes a video of it, with chapters, captions and pictures', async () => {
    const rest = { metadata: {}, execution_count: null, outputs: [] }
    const cells = [['code', 'let limit = 1'] as const, ...sources].map(([type, source], i) =>
      type === 'code'
        ? { cell_type: type, id: `cell-${i}`, source, ...rest, metadata: i === 0 ? { tags: ['parameters'] } : {} }
        : { cell_type: type, id: `cell-${i}`, source, metadata: {} },
    )
    const kernelspec = { name: 'tslab', display_name: 'tslab', language: 'typescript' }
    const file = path.join(folder, 'small.ipynb')
    fs.writeFileSync(file, JSON.stringify({ cells, metadata: { kernelspec }, nbformat: 4, nbformat_minor: 5 }))
    await recordNotebook(browser(), lab(), { file, scenes: scenesOf(script), folder, parameters: ['limit=17'] })
    assert.match(fs.readFileSync(path.join(folder, 'grpo-reasoning.ipynb'), 'utf8'), /timid.*17/s)
    assert.ok(fs.readdirSync(path.join(folder, 'clips/1-3')).length > 2) // a busy machine takes few

    fs.writeFileSync(path.join(folder, 'start.json'), JSON.stringify({ seconds: 9, lines: [{ at: 1, text: 'first\n' }, { at: 9, text: 'last\n' }] })) // prettier-ignore
    const timeline = makeTimeline(script)
    const pictures = await takePictures(browser(), lab(), { timeline, recording: folder, folder: path.join(folder, 'pictures') }) // prettier-ignore
    for (const frames of [pictures.pictures, pictures.strips]) {
      const seconds = frames.reduce((sum, frame) => sum + frame.seconds, 0)
      assert.ok(Math.abs(seconds - timeline.seconds) < 0.01, `${seconds} instead of ${timeline.seconds}`)
    }
    assert.ok(pictures.speeds.get('1-4')! > 1)

    const synthesiser = findSynthesiser()
    const sound = synthesiser && speakTimeline(timeline, {}, synthesiser, folder).wav
    const metadata = formatMetadata(script.title, timeline)
    const video = path.join(folder, 'video.mp4')
    encodeVideo(video, { ...pictures, metadata, sound, seconds: timeline.seconds }, folder)
    const { stdout } = spawnSync('ffprobe', [...'-v error -show_format -show_streams -show_chapters -of json'.split(' '), video], { encoding: 'utf8' }) // prettier-ignore
    const probed = JSON.parse(stdout) as {
      format: { duration: string }
      streams: { codec_type: string; width?: number; height?: number }[]
      chapters: { tags: { title: string } }[]
    }
    assert.ok(Math.abs(Number(probed.format.duration) - timeline.seconds) < 0.3, probed.format.duration)
    assert.deepEqual(probed.streams.map((stream) => stream.codec_type).slice(0, sound ? 2 : 1), sound ? ['video', 'audio'] : ['video']) // prettier-ignore
    assert.deepEqual([probed.streams[0]!.width, probed.streams[0]!.height], [1920, 1080])
    assert.deepEqual(probed.chapters.map(({ tags }) => tags.title), chaptersOf(timeline).map(({ text }) => text)) // prettier-ignore
    writePagePictures(pictures.ofScenes, path.join(folder, 'page'))
    assert.deepEqual(fs.readdirSync(path.join(folder, 'page')), ['1-1.webp', '1-2.webp', '1-3.webp', '1-4.webp'])
    const kept = path.join(root, 'runs/walkthrough-test')
    fs.rmSync(kept, { recursive: true, force: true })
    fs.cpSync(folder, kept, { recursive: true })
  })

  it('says which cell failed', async () => {
    const file = path.join(folder, 'failing.ipynb')
    const cell = { cell_type: 'code', id: 'a', source: `throw new Error('on purpose')`, metadata: {}, execution_count: null, outputs: [] } // prettier-ignore
    const metadata = { kernelspec: { name: 'tslab', display_name: 'tslab', language: 'typescript' } }
    fs.writeFileSync(file, JSON.stringify({ cells: [cell], metadata, nbformat: 4, nbformat_minor: 5 }))
    await assert.rejects(
      recordNotebook(browser(), lab(), { file, scenes: [], folder, parameters: [] }),
      /the notebook's cell 'throw new Error\('on purpose'\) …' failed: Error: on purpose/,
    )
  })
})
