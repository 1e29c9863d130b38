import assert from 'node:assert/strict'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { show } from '../../src/index.js'
import { inFakeKernel } from '../notebook/fakeKernel.js'
import { openPage, useChromium } from './chromium.js'

interface StoredOutput {
  readonly data: Readonly<Record<string, string>>
  readonly metadata: Readonly<Record<string, { width: number; height: number }>>
}

const load = async (name: string): Promise<unknown> =>
  import(pathToFileURL(path.resolve(import.meta.dirname, '../../scripts/notebook/stored', name)).href)

describe('the stored pictures of charts', () => {
  const browser = useChromium()

  /** What is stored of what a cell shows. */
  async function store(run: () => void): Promise<StoredOutput> {
    const { toStoredForm } = (await load('form.mjs')) as {
      toStoredForm: (notebook: object) => { notebook: { cells: { outputs: StoredOutput[] }[] }; drawings: object }
    }
    const { takePictures } = (await load('pictures.mjs')) as { takePictures: (drawings: object) => Promise<void> }
    const { outputs } = await inFakeKernel(run)
    const shown = [...outputs.values()].map((data) => ({ output_type: 'display_data', data, metadata: {} }))
    const { notebook, drawings } = toStoredForm({ cells: [{ cell_type: 'code', outputs: shown }] })
    await takePictures(drawings)
    return notebook.cells[0]!.outputs[0]!
  }

  /** Whether a colour is in a picture, and the opacity of its corner. */
  async function lookAt(png: string): Promise<{ width: number; height: number; corner: number; hasColor: boolean }> {
    const { page } = await openPage(browser(), 'about:blank')
    const seen = await page.evaluate(async (source) => {
      const picture = new Image()
      picture.src = `data:image/png;base64,${source}`
      await picture.decode()
      const canvas = new OffscreenCanvas(picture.width, picture.height)
      const context = canvas.getContext('2d')!
      context.drawImage(picture, 0, 0)
      const { data } = context.getImageData(0, 0, picture.width, picture.height)
      let hasColor = false
      for (let i = 0; i < data.length; i += 4)
        hasColor ||= data[i] === 47 && data[i + 1] === 125 && data[i + 2] === 225 && data[i + 3] === 255
      return { width: picture.width, height: picture.height, corner: data[3]!, hasColor }
    }, png)
    await page.context().close()
    return seen
  }

  it('are twice as fine as they are shown, without a ground, in the colours of the chart', async () => {
    const { data, metadata } = await store(() => {
      show.plot([{ y: [1, 2, 3] }], { title: 'Reward', height: 200 })
    })
    assert.deepEqual(metadata['image/png'], { width: 640, height: 200 })
    assert.deepEqual(await lookAt(data['image/png']!), { width: 1280, height: 400, corner: 0, hasColor: true })
    assert.ok(data['image/png']!.length < 30_000, String(data['image/png']!.length))
  })

  it('hold several charts beside each other', async () => {
    const { data, metadata } = await store(() => {
      show.plots([{ data: [{ y: [1, 2] }] }, { data: [{ y: [2, 1] }] }])
    })
    assert.deepEqual(metadata['image/png'], { width: 920, height: 300 })
    assert.equal((await lookAt(data['image/png']!)).width, 1840)
  })
})
