import assert from 'node:assert/strict'
import fs from 'node:fs'
import { pathToFileURL } from 'node:url'
import { show } from '../../src/index.js'
import type { MimeBundle } from '../../src/notebook/output.js'
import { useTemporaryFolder } from '../io/temporaryFolder.js'
import { inFakeKernel } from '../notebook/fakeKernel.js'
import { openPage, useChromium } from './chromium.js'
import type { WatchedPage } from './chromium.js'

const htmlOf = (bundle: MimeBundle): string => String(bundle['text/html'])

describe("a notebook's charts in a browser", () => {
  const inFolder = useTemporaryFolder()
  const browser = useChromium()

  /** A page with the outputs of a cell. */
  async function openOutputs(outputs: readonly string[], options = {}): Promise<WatchedPage> {
    const file = inFolder('page.html')
    const style =
      ':root { color-scheme: light dark } body { font: 14px sans-serif; margin: 1em } .dark { background: #111; color: #eee }'
    fs.writeFileSync(
      file,
      `<!doctype html><meta charset="utf-8"><style>${style}</style><body>${outputs.map((output) => `<div>${output}</div>`).join('')}`,
    )
    return openPage(browser(), pathToFileURL(file).href, options)
  }

  const twoCharts = (): Promise<string[]> =>
    inFakeKernel(() => {
      show.setUpCharts()
      show.plots([
        {
          data: [
            { name: 'reward', y: [0.1, 0.4, 0.9] },
            { name: 'spread', y: [0.3, null, 0.1] },
          ],
          layout: { title: 'Reward' },
        },
        {
          data: [{ type: 'bar', x: ['base', 'trained'], y: [0.4, 0.9], error_y: { array: [0.05, 0.02] } }],
          layout: { title: 'Accuracy', yaxis: { title: 'share right', range: [0, 1] } },
        },
      ])
    }).then(({ outputs }) => [...outputs.values()].map(htmlOf))

  it('draws them with Plotly in place of the pictures, also when plotly.js comes last', async () => {
    const outputs = await twoCharts()
    for (const order of [outputs, outputs.toReversed()]) {
      const { page, troubles } = await openOutputs(order)
      await page.waitForFunction(() => document.querySelectorAll('.js-plotly-plot .main-svg').length >= 2)
      assert.equal(await page.locator('.js-plotly-plot').count(), 2)
      assert.equal(await page.locator('img').count(), 0)
      assert.ok((await page.locator('.bars path').count()) >= 2)
      assert.deepEqual(troubles, [])
      await page.context().close()
    }
  })

  it('shows pictures where no script runs', async () => {
    const { page } = await openOutputs(await twoCharts(), { javaScriptEnabled: false })
    assert.equal(await page.locator('img').count(), 2)
    const [width, height] = await page
      .locator('img')
      .first()
      .evaluate((picture: HTMLImageElement) => [picture.naturalWidth, picture.naturalHeight])
    assert.deepEqual([width, height], [450, 300])
    await page.context().close()
  })

  it('takes the colours of the page, also when they change', async () => {
    const { page, troubles } = await openOutputs(await twoCharts())
    await page.waitForSelector('.xtick text')
    const color = (): Promise<string> =>
      page
        .locator('.xtick text')
        .first()
        .evaluate((text) => getComputedStyle(text).fill)
    const light = await color()
    await page.evaluate(() => {
      document.body.className = 'dark'
    })
    await page.waitForFunction(
      (before) => getComputedStyle(document.querySelector('.xtick text')!).fill !== before,
      light,
    )
    assert.equal(await color(), 'rgb(238, 238, 238)')
    assert.deepEqual(troubles, [])
    await page.context().close()
  })

  it('grows while a training runs, in the same element', async () => {
    const { messages } = await inFakeKernel(() => {
      show.setUpCharts()
      const chart = show.liveChart([{ series: { reward: 'reward' } }], { everyMs: 0 })
      for (const step of [1, 2, 3]) chart.add(step, { reward: step / 10 })
    })
    const [setUp, charts, ...feeds] = messages.map(({ data }) => htmlOf(data))
    const { page, troubles } = await openOutputs([setUp!, charts!])
    await page.waitForSelector('.js-plotly-plot')
    const points = (): Promise<number> =>
      page
        .locator('.js-plotly-plot')
        .evaluate((chart) => (chart as unknown as { data: { y: number[] }[] }).data[0]!.y.length)
    assert.equal(await points(), 1)
    await page.evaluate((feed) => {
      const place = document.body.appendChild(document.createElement('div'))
      place.append(document.createRange().createContextualFragment(feed))
    }, feeds.at(-1)!)
    await page.waitForFunction(() => document.querySelectorAll('table tbody tr').length === 3)
    assert.equal(await points(), 3)
    assert.deepEqual(troubles, [])
    await page.context().close()
  })
})
