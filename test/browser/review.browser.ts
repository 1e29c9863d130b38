import assert from 'node:assert/strict'
import { statisticsReady } from '../../src/eval/statistics/distributions.js'
import { serveReview } from '../../src/review/serveReview.js'
import type { ReviewServer } from '../../src/review/serveReview.js'
import { writeEvaluation } from '../../src/run/evaluationFile.js'
import { readReviews } from '../../src/run/reviewsFile.js'
import { differing, evaluationOf } from '../eval/review/evaluationFixture.js'
import { useTemporaryFolder } from '../io/temporaryFolder.js'
import { openPage, useChromium } from './chromium.js'
import type { WatchedPage } from './chromium.js'

describe('a review in a browser', () => {
  before(() => statisticsReady)
  const inFolder = useTemporaryFolder()
  const browser = useChromium()
  let server: ReviewServer | null = null
  afterEach(() => server?.close())

  async function open(evaluation = differing(4), options = {}): Promise<WatchedPage> {
    writeEvaluation(inFolder('eval.json'), evaluation)
    server = await serveReview(inFolder('.'), { reviewer: 'anna' })
    return openPage(browser(), server.url, options)
  }
  const verdicts = (): (string | null)[] => readReviews(inFolder('.')).lines.map(({ verdict }) => verdict)
  /** Longer than a new pair takes no verdict. */
  const settle = (page: WatchedPage['page']): Promise<void> => page.waitForTimeout(500)

  for (const colorScheme of ['light', 'dark'] as const) {
    for (const width of [1400, 390]) {
      it(`shows a pair without an error, ${width} pixels wide, in ${colorScheme} colours`, async () => {
        const { page, troubles } = await open(differing(2), { colorScheme, viewport: { width, height: 844 } })
        await page.waitForSelector('article')
        const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)
        assert.ok(overflow <= 0, `the page is ${overflow} pixels too wide`)
        const background = await page.evaluate(() => getComputedStyle(document.body).backgroundColor)
        const [red = 0] = (background.match(/\d+/g) ?? []).map(Number)
        assert.equal(red < 128, colorScheme === 'dark', background)
        const [first, second] = await page.locator('article').evaluateAll((sides) =>
          sides.map((side) => {
            const { x, y } = side.getBoundingClientRect()
            return { x, y }
          }),
        )
        if (width === 390) assert.ok(first!.x === second!.x && first!.y < second!.y)
        else assert.ok(first!.x < second!.x && first!.y === second!.y)
        // The buttons can be reached without scrolling.
        const bottom = await page.locator('#choices').evaluate((bar) => bar.getBoundingClientRect().bottom)
        assert.ok(bottom <= 845, String(bottom))
        assert.deepEqual(troubles, [])
        await page.context().close()
      })
    }
  }

  it('takes verdicts by keys and by buttons, and takes them back', async () => {
    const { page, troubles } = await open()
    const count = page.locator('#count')
    await page.waitForSelector('article')
    await settle(page)
    await page.keyboard.press('ArrowLeft')
    await count.getByText('1 of 4').waitFor()
    await settle(page)
    await page.getByRole('button', { name: 'Both bad' }).click()
    await count.getByText('2 of 4').waitFor()
    await page.keyboard.press('u')
    await count.getByText('1 of 4').waitFor()
    await page.keyboard.press('e')
    assert.equal(await page.locator('#expected').textContent(), 'Expected answer: 4')
    await settle(page)
    await page.keyboard.press('3')
    await count.getByText('2 of 4').waitFor()
    assert.deepEqual(verdicts(), ['left', 'both_bad', null, 'tie'])
    assert.equal(readReviews(inFolder('.')).lines.at(-1)!.answer_shown, true)
    // A page that is opened again goes on where it was.
    await page.reload()
    await count.getByText('2 of 4').waitFor()
    for (const given of [3, 4]) {
      await page.waitForSelector('article')
      await settle(page)
      await page.keyboard.press('2')
      await count.getByText(`${given} of 4`).waitFor()
    }
    await page.getByText('All 4 pairs are judged').waitFor()
    await page.getByText('4 verdicts on 4 pairs by 1 reviewer (anna 4)').waitFor()
    assert.deepEqual(troubles, [])
    await page.context().close()
  })

  it('takes nothing for a verdict that was not meant for the pair', async () => {
    const { page } = await open()
    await page.waitForSelector('article')
    await settle(page)
    await page.keyboard.down('1')
    for (let i = 0; i < 10; i++) await page.keyboard.down('1')
    await page.locator('#count').getByText('1 of 4').waitFor()
    await settle(page)
    for (let i = 0; i < 10; i++) await page.keyboard.down('1')
    await page.keyboard.up('1')
    await page.keyboard.press('Control+2')
    await page.waitForTimeout(200)
    assert.deepEqual(verdicts(), ['left'])
    await page.context().close()
  })

  it('shows hostile answers as text', async () => {
    const hostile =
      '<img src=x onerror="document.title=\'owned\'"></script><script>document.title="owned"</script>\u202e\u001b[2J'
    const { page, troubles } = await open(
      evaluationOf([{ base: hostile, trained: 'x'.repeat(100_000), question: hostile, answer: hostile }]),
      { viewport: { width: 390, height: 844 } },
    )
    await page.waitForSelector('article')
    assert.equal(await page.locator('article img, article script').count(), 0)
    assert.match((await page.locator('#review').textContent())!, /<img src=x onerror=.*<U\+202E>␛\[2J/)
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)
    assert.ok(overflow <= 0, `the page is ${overflow} pixels too wide`)
    assert.doesNotMatch(await page.title(), /owned/)
    assert.deepEqual(troubles, [])
    await page.context().close()
  })

  it('says when the review has ended in its terminal', async () => {
    const { page } = await open()
    await page.waitForSelector('article')
    await settle(page)
    await server!.close()
    await page.keyboard.press('1')
    await page.getByRole('alert').getByText('The review has ended in its terminal').waitFor()
    await page.context().close()
  })
})
