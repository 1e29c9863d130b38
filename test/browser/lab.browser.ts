import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Page } from 'playwright-core'
import { useTemporaryFolder } from '../io/temporaryFolder.js'
import { PATIENCE } from '../../scripts/chromium.js'
import { LabNotebook } from '../../scripts/lab/labNotebook.js'
import type { LabCell } from '../../scripts/lab/labNotebook.js'
import { useChromium } from './chromium.js'
import { useJupyterLab, useNotebookCopies } from './jupyterLab.js'

const mainNotebook = path.resolve(import.meta.dirname, '../../notebooks/grpo-reasoning.ipynb')

/** Charts, a table, and a loop with a chart that grows, which an interrupt ends. */
const cells = [
  `import { show, untilInterrupted } from 'grpo-ts'
show.setUpCharts()`,
  `show.plot([{ name: 'reward', x: [1, 2, 3], y: [0.1, 0.4, 0.9] }], { title: 'Reward' })
show.table([{ completion: '<b>bold</b>', reward: 1 }])`,
  `let step = 0
async function* train() {
  while (step < 400) {
    await new Promise((resolve) => setTimeout(resolve, 150))
    yield ++step
  }
}
const chart = show.liveChart([{ series: { reward: 'mean reward' }, layout: { title: 'Live' } }], { everyMs: 100 })`,
  `await null
try {
  for await (const step of untilInterrupted(train())) chart.add(step, { reward: 1 - 1 / step })
} finally {
  chart.done()
}`,
  `console.log('ended at step', step)`,
]

function makeNotebook(kernel: string, sources: readonly string[] = cells): object {
  const rest = { cell_type: 'code', metadata: {}, execution_count: null, outputs: [] }
  return {
    cells: sources.map((source, index) => ({ ...rest, id: `cell-${index}`, source })),
    metadata: { kernelspec: { name: kernel, display_name: kernel, language: 'typescript' } },
    nbformat: 4,
    nbformat_minor: 5,
  }
}

/** Waits until something holds. */
async function until<T>(value: () => Promise<T>, holds: (value: T) => boolean): Promise<T> {
  const deadline = performance.now() + PATIENCE
  for (;;) {
    const now = await value()
    if (holds(now)) return now
    assert.ok(performance.now() < deadline, `it stays ${JSON.stringify(now)}`)
    await sleep(200)
  }
}

/** Hovers over the first chart and zooms into it, as a reader does with the mouse. */
async function useFirstChart(page: Page): Promise<void> {
  const chart = page.locator('.jp-Notebook .js-plotly-plot').first()
  const area = chart.locator('.nsewdrag').first()
  let box = { x: 0, y: Infinity, width: 0, height: 0 }
  // Cells grow when they come into sight, which moves what is below them.
  await until(
    async () => {
      await area.scrollIntoViewIfNeeded()
      await page.waitForTimeout(500)
      box = (await area.boundingBox())!
      return box.y + box.height < page.viewportSize()!.height
    },
    (isInSight) => isInSight,
  )
  const at = (share: number): [number, number] => [box.x + box.width * share, box.y + box.height * 0.5]
  await page.mouse.move(...at(0.5))
  await chart.locator('.hoverlayer .hovertext').first().waitFor()
  await page.mouse.move(...at(0.3))
  await page.mouse.down()
  await page.mouse.move(...at(0.7), { steps: 5 })
  await page.mouse.up()
  const isZoomed = (): Promise<boolean> =>
    chart.evaluate((element) => {
      const { layout } = element as unknown as { layout: { xaxis: { autorange?: boolean } } }
      return layout.xaxis.autorange !== true
    })
  await until(isZoomed, Boolean)
}

describe('notebooks in JupyterLab', function () {
  const browser = useChromium()
  const lab = useJupyterLab()
  const copyNotebook = useNotebookCopies()
  const inFolder = useTemporaryFolder()
  let notebook: LabNotebook | null = null
  const open = async (file: string): Promise<LabNotebook> => {
    notebook = await LabNotebook.open(browser(), lab(), file)
    return notebook
  }
  afterEach(async function () {
    if (this.currentTest?.state === 'failed') await notebook?.screenshot(`failed-${Date.now()}`)
    await notebook?.close()
    notebook = null
  })

  for (const kernel of ['tslab', 'tslab-stock']) {
    it(`draws charts, lets them grow while a cell runs, is interrupted and goes on, in the kernel ${kernel}`, async () => {
      const file = await copyNotebook(makeNotebook(kernel))
      const opened = await open(file)
      assert.equal(
        await opened.kernelName(),
        kernel === 'tslab' ? 'TypeScript (tslab)' : 'TypeScript (tslab as published)',
      )
      await opened.trust()
      await opened.start()
      const growing = [5, 10, 15].map((points) => until(() => opened.charts(), (charts) => (charts[1] ?? 0) >= points)) // prettier-ignore
      for (const moment of growing) await moment
      assert.ok(await opened.isRunning())
      await opened.screenshot(`${kernel}-running`)
      await useFirstChart(opened.page)

      await opened.execute('notebook:interrupt-kernel')
      await opened.finish()
      await sleep(1000)
      const stoppedAt = (await opened.charts())[1]!
      await sleep(1000)
      assert.equal((await opened.charts())[1], stoppedAt)
      assert.ok(stoppedAt >= 15 && stoppedAt < 400)
      const { index } = await opened.findCell('ended at')
      await opened.start(index)
      await opened.finish()
      const printed = (await opened.findCell('ended at')).outputs.flatMap(({ text }) => text ?? []).join('')
      assert.match(printed, new RegExp(`ended at step (${stoppedAt}|${stoppedAt + 1})\\n`))

      await opened.start(index - 1)
      await until(() => opened.charts(), (charts) => (charts[1] ?? 0) > stoppedAt + 3) // prettier-ignore
      await opened.execute('notebook:interrupt-kernel')
      await opened.finish()
      await sleep(1000)

      // Saved and opened again, as it is and by somebody who did not run it.
      await opened.save()
      await opened.reload()
      const charts = await until(() => opened.charts(), ({ length }) => length === 2) // prettier-ignore
      assert.ok(charts[1]! > stoppedAt)
      await opened.close()
      const saved = JSON.parse(fs.readFileSync(file, 'utf8')) as { cells: object[] }
      saved.cells.push({ cell_type: 'markdown', id: 'added', metadata: {}, source: 'from elsewhere' })
      const foreign = await open(await copyNotebook(saved))
      assert.equal(await until(() => foreign.pictures(), (pictures) => pictures >= 2), 2) // prettier-ignore
      assert.deepEqual(await foreign.charts(), [])
      await foreign.screenshot(`${kernel}-untrusted`)
    })
  }

  it('completes names and shows their documentation', async () => {
    const opened = await open(await copyNotebook(makeNotebook('tslab', [cells[0]!, ''])))
    await opened.start(0)
    await opened.finish()
    const { page } = opened
    await page.locator('.jp-CodeCell .cm-content').nth(1).click()
    await page.keyboard.type('show.liveCh')
    await page.keyboard.press('Tab')
    const completer = page.locator('.jp-Completer')
    await completer.waitFor()
    assert.match((await completer.textContent()) ?? '', /liveChart/)
    await page.keyboard.press('Enter')
    await until(async () => (await opened.cells())[1]!.source, (source) => source === 'show.liveChart') // prettier-ignore
    await page.keyboard.press('Shift+Tab')
    const tooltip = page.locator('.jp-Tooltip')
    await tooltip.waitFor()
    assert.match((await tooltip.textContent()) ?? '', /Charts and a table that grow while a training runs/)
  })

  it('runs the main notebook: all cells, live charts, an interrupt and a continuation, charts after a reload', async () => {
    const parameters = ['maxSteps=40', 'evaluationProblems=40', `outputDir=${inFolder('run')}`]
    const file = await copyNotebook(JSON.parse(fs.readFileSync(mainNotebook, 'utf8')) as object, parameters)
    const opened = await open(file)
    await opened.trust()
    await opened.start()

    // The training stops by itself after a quarter of the steps; the cell that goes on is interrupted.
    const training = async (): Promise<LabCell> =>
      (await opened.cells()).filter(({ source }) => source.includes('untilInterrupted(trainer)'))[1]!
    const livePoints = (): Promise<number> => opened.chartPoints(continuation.index)
    const continuation = await training()
    await until(livePoints, (points) => points > 10)
    await opened.show(continuation.index)
    await opened.screenshot('main-training')
    for (const points of [13, 16]) await until(livePoints, (now) => now >= points)
    await opened.execute('notebook:interrupt-kernel')
    await opened.finish()
    await sleep(2000)
    const stoppedAt = await livePoints()
    assert.ok(stoppedAt >= 16 && stoppedAt < 40, String(stoppedAt))
    assert.deepEqual((await opened.errors()).map((error) => error.includes('Interrupted')), [true]) // prettier-ignore

    await opened.startFrom(continuation.index)
    await until(livePoints, (points) => points > stoppedAt)
    await opened.finish()
    assert.deepEqual(await opened.errors(), [])
    assert.deepEqual((await opened.cells()).filter(({ prompt }) => !/\d/.test(prompt)).map(({ source }) => source), []) // prettier-ignore
    assert.equal(await livePoints(), 40)
    const drawn = await opened.charts()
    assert.ok(drawn.length >= 8, String(drawn))
    await useFirstChart(opened.page)
    await opened.screenshotCells('main')

    await opened.save()
    await opened.reload()
    await until(() => opened.charts(), (charts) => charts.length === drawn.length) // prettier-ignore
    assert.equal(await livePoints(), 40)
    await opened.screenshotCells('main-reloaded')
  })
})
