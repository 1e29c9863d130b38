import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { writeReport } from '../../src/report/writeReport.js'
import { useTemporaryFolder } from '../io/temporaryFolder.js'
import { completionLine, writeLines, writeRun } from '../report/runFixture.js'
import { openPage, useChromium, waitForCharts } from './chromium.js'
import type { WatchedPage } from './chromium.js'

describe('the report in a browser', () => {
  const inFolder = useTemporaryFolder()
  const browser = useChromium()

  const open = (options = {}): Promise<WatchedPage> =>
    openPage(browser(), pathToFileURL(writeReport(inFolder('run'))).href, options)

  for (const colorScheme of ['light', 'dark'] as const) {
    for (const [device, viewport] of [
      ['a wide window', { width: 1600, height: 1000 }],
      ['a phone', { width: 390, height: 844 }],
    ] as const) {
      it(`draws its charts without an error, in ${colorScheme} colours in ${device}`, async () => {
        writeRun(inFolder('run'), 40)
        const { page, troubles } = await open({ colorScheme, viewport })
        assert.ok((await waitForCharts(page)) >= 10)
        // A line of a chart has a path with many points.
        const paths = await page
          .locator('#chart-reward .scatterlayer path.js-line')
          .evaluateAll((lines) => lines.map((line) => (line.getAttribute('d') ?? '').length))
        assert.ok(
          paths.some((length) => length > 100),
          String(paths),
        )
        const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)
        assert.ok(overflow <= 0, `the page is ${overflow} pixels too wide`)
        const background = await page.evaluate(() => getComputedStyle(document.body).backgroundColor)
        const [red = 0] = (background.match(/\d+/g) ?? []).map(Number)
        assert.equal(red < 128, colorScheme === 'dark', background)
        assert.deepEqual(troubles, [])
        await page.context().close()
      })
    }
  }

  it('changes its colours by the button, and remembers them', async () => {
    writeRun(inFolder('run'), 5)
    const { page, troubles } = await open({ colorScheme: 'light' })
    await waitForCharts(page)
    const textColor = (): Promise<string> =>
      page
        .locator('#chart-reward .xtick text')
        .first()
        .evaluate((text) => getComputedStyle(text).fill)
    const light = await textColor()
    await page.click('#theme')
    await page.click('#theme')
    assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), 'dark')
    await page.waitForFunction(
      (before) => getComputedStyle(document.querySelector('#chart-reward .xtick text')!).fill !== before,
      light,
    )
    await page.reload()
    assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), 'dark')
    assert.deepEqual(troubles, [])
    await page.context().close()
  })

  it('shows completions by the keyboard alone', async () => {
    writeRun(inFolder('run'), 6)
    const { page, troubles } = await open()
    const title = page.locator('#group-detail h3').first()
    const press = async (key: string, expected: string): Promise<void> => {
      await page.keyboard.press(key)
      assert.equal(await title.textContent(), expected, key)
    }
    await press('ArrowRight', 'Step 2, group 1')
    await press('ArrowLeft', 'Step 1, group 1')
    await page.keyboard.press('/')
    assert.equal(await page.evaluate(() => document.activeElement?.getAttribute('type')), 'search')
    await page.keyboard.type('4 AND')
    await page.waitForFunction(() => document.querySelector('#group-detail h3')?.textContent === 'Step 4, group 1')
    await page.keyboard.press('Escape')
    await press('ArrowDown', 'Step 4, group 2')
    await press('Home', 'Step 4, group 1')
    await page.keyboard.press('j')
    await page.keyboard.press('j')
    assert.equal(await page.evaluate(() => document.activeElement?.getAttribute('aria-label')), 'Completion 2')
    assert.ok((await page.locator('#group-detail .token.p4').count()) > 0)
    await page.keyboard.press('c')
    assert.equal(await page.locator('#group-detail .token').count(), 0)
    assert.deepEqual(troubles, [])
    await page.context().close()
  })

  it('shows tokens that were given apart from those that were sampled, coloured or not', async () => {
    writeRun(inFolder('run'), 2)
    const tokens = ['ask', ' 42', ' so']
    const line = completionLine({ step: 3, completion: 'ask 42 so', tokens, logprobs: [-0.01, 0, -3], mask: [1, 0, 1] })
    fs.appendFileSync(inFolder('run', 'completions.jsonl'), `${JSON.stringify(line)}\n`)
    const { page, troubles } = await open()
    await page.locator('#traces .list').focus()
    await page.keyboard.press('End')
    const texts = (selector: string): Promise<string[]> => page.locator(`#group-detail ${selector}`).allTextContents()
    await page.waitForFunction(
      () => document.querySelector('#group-detail .completion .text')?.textContent === 'ask 42 so',
    )
    assert.deepEqual(await texts('.text .given'), [' 42'])
    assert.deepEqual(await texts('header .given'), ['given, not sampled'])
    assert.deepEqual(await texts('.text .p4'), [' so'])
    const style = (selector: string): Promise<string> =>
      page.locator(`#group-detail .text ${selector}`).evaluate((token) => getComputedStyle(token).borderBottomStyle)
    assert.deepEqual([await style('.given'), await style('.p4')], ['dashed', 'none'])
    await page.locator('#group-detail .text .given').hover()
    assert.equal(await page.locator('.tooltip').textContent(), '" 42", token 2 · given, not sampled')
    await page.keyboard.press('c')
    assert.deepEqual(await texts('.text .given'), [' 42'])
    assert.deepEqual(await texts('.text .p4'), [])
    assert.deepEqual(troubles, [])
    await page.context().close()
  })

  it('shows hostile texts as text', async () => {
    const hostile = [
      '</script><script>document.title="hacked"</script>',
      '<img src=x onerror="document.title=\'hacked\'">',
      '<!--<script>',
      '\u202eright to left\u0000\ud800',
    ]
    writeLines(
      inFolder('run', 'completions.jsonl'),
      hostile.map((text, group) =>
        completionLine({ group, problem: text, prompt: text, completion: text, answer: text, rewards: { [text]: 1 } }),
      ),
    )
    writeLines(inFolder('run', 'metrics.jsonl'), [{ step: 1, reward: 1, [hostile[1]!]: 1 }])
    writeLines(inFolder('run', 'diagnosis.jsonl'), [
      {
        step: 1,
        name: hostile[0],
        subject: hostile[2],
        severity: 'warning',
        message: hostile[1],
        evidence: { [hostile[1]!]: 1 },
        advice: hostile[0],
        state: 'started',
        since: 1,
      },
    ])
    const { page, troubles } = await open()
    await waitForCharts(page)
    await page.locator('#group-detail').scrollIntoViewIfNeeded()
    for (const text of hostile.slice(0, 3)) {
      await page.waitForFunction(
        (expected) => document.querySelector('#group-detail .completion .text')?.textContent === expected,
        text,
      )
      await page.locator('.list').first().focus()
      await page.keyboard.press('ArrowDown')
    }
    assert.equal(await page.title(), 'run · grpo-ts')
    assert.equal(await page.locator('main img').count(), 0)
    assert.deepEqual(troubles, [])
    await page.context().close()
  })

  it('stays fluent with 5,000 completions and one of a megabyte', async () => {
    writeRun(inFolder('run'), 250, 5)
    fs.appendFileSync(
      path.join(inFolder('run'), 'completions.jsonl'),
      `${JSON.stringify(completionLine({ step: 251, completion: 'word '.repeat(200_000) }))}\n`,
    )
    const { page, troubles } = await open()
    await waitForCharts(page)
    assert.equal(await page.locator('#traces [role=status]').textContent(), '1,251 groups')
    assert.ok((await page.locator('#traces [role=option]').count()) < 40)
    await page.locator('#traces .list').focus()
    for (let i = 0; i < 50; i++) await page.keyboard.press('ArrowDown')
    await page.keyboard.press('End')
    await page.waitForFunction(() => document.querySelector('#group-detail .more') !== null)
    await page.keyboard.press('/')
    await page.keyboard.type('249 and 3')
    await page.waitForFunction(
      () => document.querySelector('#traces [role=status]')?.textContent === '5 of 1,251 groups',
    )
    // What makes it fluent: the list holds what is seen, wherever it stands.
    assert.ok((await page.locator('#traces [role=option]').count()) < 40)
    assert.deepEqual(troubles, [])
    await page.context().close()
  })
})
