import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { show } from '../../src/index.js'
import { useTemporaryFolder } from '../io/temporaryFolder.js'
import { inFakeKernel } from '../notebook/fakeKernel.js'
import { openPage, useChromium } from './chromium.js'
import type { WatchedPage } from './chromium.js'

interface PageModule {
  renderNotebookPage: (notebook: object, options: { file: string; page: string; summary: string }) => string
}

/** A cell as it is when it has run. */
async function codeCell(source: string, run: () => void): Promise<object> {
  const { outputs } = await inFakeKernel(run)
  const shown = [...outputs.values()].map((data) => ({ output_type: 'display_data', data }))
  return { cell_type: 'code', source, execution_count: 1, outputs: shown }
}

/** A notebook with text, a wide table, a wide formula, and two charts; what draws them stands in it as often as given. */
async function makeNotebook(copiesOfScripts: number): Promise<object> {
  const setUp = await codeCell('setUpCharts()', show.setUpCharts)
  const charts = await codeCell('plots()', () => {
    const rewards = { data: [{ name: 'reward', y: [0.1, 0.4, 0.9] }], layout: { title: 'Reward' } }
    show.plots([rewards, { data: [{ type: 'bar', x: ['base', 'trained'], y: [0.4, 0.9] }] }])
  })
  const table = await codeCell(`table() // ${'long '.repeat(100)}`, () => {
    show.table([Object.fromEntries(Array.from({ length: 30 }, (_, i) => [`a long name of a column ${i}`, i]))])
  })
  const text = `# Title\n\n## Part\n\n$$${'x_1 + '.repeat(60)}y$$\n\n${'text '.repeat(2000)}`
  return {
    metadata: {},
    cells: [
      ...Array.from({ length: copiesOfScripts }, () => setUp),
      { cell_type: 'markdown', source: text },
      charts,
      table,
      { cell_type: 'markdown', source: '## End' },
    ],
  }
}

describe('the page of a notebook in a browser', () => {
  const inFolder = useTemporaryFolder()
  const browser = useChromium()

  async function open(copiesOfScripts: number, options = {}): Promise<WatchedPage & { bytes: number }> {
    const module = path.resolve(import.meta.dirname, '../../scripts/notebook/html/page.mjs')
    const { renderNotebookPage } = (await import(pathToFileURL(module).href)) as PageModule
    const file = inFolder('page.html')
    const html = renderNotebookPage(await makeNotebook(copiesOfScripts), { file, page: file, summary: 'summary' })
    fs.writeFileSync(file, html)
    return { ...(await openPage(browser(), pathToFileURL(file).href, options)), bytes: html.length }
  }

  for (const colorScheme of ['light', 'dark'] as const) {
    for (const width of [1500, 390]) {
      it(`draws its charts and fits a window ${width} pixels wide, ${colorScheme}`, async () => {
        const { page, troubles } = await open(1, { colorScheme, viewport: { width, height: 900 } })
        await page.waitForFunction(() => document.querySelectorAll('.js-plotly-plot .main-svg').length >= 2)
        const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)
        assert.ok(overflow <= 0, `the page is ${overflow} pixels too wide`)
        const colors = await page.evaluate(() =>
          [
            getComputedStyle(document.body).backgroundColor,
            getComputedStyle(document.querySelector('.xtick text')!).fill,
          ].map((color) => Number(/\d+/.exec(color)?.[0])),
        )
        assert.deepEqual(
          colors.map((red) => red > 128),
          colorScheme === 'dark' ? [false, true] : [true, false],
        )
        assert.deepEqual(troubles, [])
        await page.context().close()
      })
    }
  }

  it('holds plotly.js once, however often the notebook does', async () => {
    const sizes: number[] = []
    for (const copies of [0, 1, 3]) {
      const { page, troubles, bytes } = await open(copies)
      await page.waitForFunction(() => document.querySelectorAll('.js-plotly-plot .main-svg').length >= 2)
      assert.deepEqual(troubles, [])
      await page.context().close()
      sizes.push(bytes)
    }
    assert.ok(Math.max(...sizes) - Math.min(...sizes) < 10_000, String(sizes))
  })

  it('shows pictures where no script runs', async () => {
    const { page } = await open(1, { javaScriptEnabled: false })
    assert.equal(await page.locator('.rich img').count(), 2)
    await page.context().close()
  })

  it('changes its colours by the button, those of the charts too, hides code, and leads to its parts', async () => {
    const { page, troubles } = await open(1, { colorScheme: 'light' })
    await page.waitForSelector('.xtick text')
    await page.click('#theme')
    await page.click('#theme')
    await page.waitForFunction(() => getComputedStyle(document.querySelector('.xtick text')!).fill.startsWith('rgb(2'))
    assert.equal(await page.locator('.cell > .code:visible').count(), 3)
    await page.check('#hide-code')
    assert.equal(await page.locator('.cell > .code:visible').count(), 0)
    await page.click('nav a[href="#end"]')
    await page.waitForFunction(() => scrollY > 1000)
    assert.deepEqual(troubles, [])
    await page.context().close()
  })
})
