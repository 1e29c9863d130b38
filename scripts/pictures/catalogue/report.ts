import type { Locator, Page } from 'playwright-core'
import path from 'node:path'
import { runLayout } from '../../../src/run/layout.js'
import type { Picture } from '../picture.js'
import { root } from '../places.js'
import { screenshot } from '../screenshot.js'
import { withServed } from '../served.js'
import { recordTrouble, TROUBLE } from './terminal.js'
import { waitForCharts } from './waitForCharts.js'

/** Answers of each model that are shown. */
const SHOWN_ANSWERS = 2

/**
 * Shows a problem that the base model never solved and the trained one always, where there is one that was solved by a correction.
 * @throws Error when training gained no such problem
 */
export async function openBeforeAndAfter(page: Page): Promise<Locator[]> {
  const id = await page.evaluate(() => {
    interface Compared {
      readonly id: string
      readonly base: readonly { readonly correct: boolean }[]
      readonly trained: readonly { readonly correct: boolean; readonly text: string }[]
    }
    const { evaluation } = JSON.parse(document.querySelector('#run-data')!.textContent) as {
      evaluation: { problems: readonly Compared[] }
    }
    const gained = evaluation.problems.filter(
      ({ base, trained }) => base.every(({ correct }) => !correct) && trained.every(({ correct }) => correct),
    )
    // The same calculation twice in a row, with another result the second time.
    const correction = /: (.+) = (\d+)\.\nCheck: \1 = (?!\2\.)\d+\. Wait/
    const corrected = gained.filter(({ trained }) => correction.test(trained[0]!.text))
    return (
      (corrected.length > 0 ? corrected : gained).toSorted(
        (a, b) => a.trained[0]!.text.length - b.trained[0]!.text.length,
      )[0]?.id ?? null
    )
  })
  if (id === null) throw new Error('no held-out problem was always wrong before and always right after the training')
  const section = page.locator('#comparison')
  await section.getByRole('searchbox').fill(id)
  await section.getByText(/^1 of /).waitFor()
  await section.locator('.detail h3', { hasText: id }).waitFor()
  await page.addStyleTag({
    content: `#comparison .side article:nth-of-type(n + ${SHOWN_ANSWERS + 1}) { display: none } #comparison .keys { visibility: hidden }`,
  })
  return [section.locator('.detail h3'), section.locator('.detail .sides')]
}

/** What docs/report.md describes. */
export const reportPictures: readonly Picture[] = [
  {
    name: 'report-overview',
    async describe(workshop) {
      const { summary } = await workshop.recorded()
      return {
        alt:
          'The top of a report: model, task, steps and training time, four figures with their values at the start and at the end of the ' +
          'training, and a table of base and trained model on held-out problems, each value with its interval, differences and p-values.',
        caption: `<sub>The overview, of the run of \`npm start\`: ${summary.problems} held-out problems before and after.</sub>`,
      }
    },
    async make(workshop, theme) {
      const { report } = runLayout(await workshop.quickstart())
      const show = (page: Page): Promise<Locator[]> =>
        Promise.resolve([page.locator('.top'), page.locator('#overview')])
      return screenshot(await workshop.browser(), report, theme, { width: 1100, height: 960, show })
    },
  },
  {
    name: 'report-charts',
    describe: () =>
      Promise.resolve({
        alt:
          'Four charts of a report over the steps of a training: the reward with a band from the worst to the best completion of a group, ' +
          'accuracy on held-out problems before and after with intervals, the mean of each reward function, and the distribution of rewards; ' +
          'each is told in words below it.',
        caption:
          '<sub>Its first charts: the thin line is what was measured, the thick one a mean over a tenth of the steps.</sub>',
      }),
    async make(workshop, theme) {
      const { report } = runLayout(await workshop.quickstart())
      const show = async (page: Page): Promise<Locator[]> => {
        await waitForCharts(page)
        const figures = page.locator('#charts figure:not([hidden])')
        return [page.locator('#charts h2'), ...[0, 1, 2, 3].map((index) => figures.nth(index))]
      }
      return screenshot(await workshop.browser(), report, theme, { width: 1100, height: 1080, show })
    },
  },
  {
    name: 'report-traces',
    describe: () =>
      Promise.resolve({
        alt:
          'The traces of a training: on the left the list of groups, on the right one group with its problem and completions, each with its ' +
          'reward, its advantage and its text, whose tokens have the stronger a colour the less likely they were.',
        caption:
          '<sub>A group of completions in the traces: rewards, advantages, and tokens coloured by the probability that they were sampled with.</sub>',
      }),
    async make(workshop, theme) {
      const { report } = runLayout(await workshop.quickstart())
      const show = async (page: Page): Promise<Locator[]> => {
        const choose = (label: string, option: string): Promise<string[]> =>
          page.locator(`#traces label:has(span:text-is("${label}")) select`).selectOption(option)
        await choose('Show', 'spread')
        await choose('Sort by', 'newest')
        // Above what is shown there would be space for the list to move in.
        await page.addStyleTag({
          content: '.viewer-list { position: static !important } .list { height: 26rem !important }',
        })
        await page.locator('#traces .list').focus()
        await page.keyboard.press('Home')
        return [page.locator('#traces h2').first(), page.locator('#group-detail article').first()]
      }
      return screenshot(await workshop.browser(), report, theme, { width: 1100, height: 900, show })
    },
  },
  {
    name: 'report-trouble',
    describe: () =>
      Promise.resolve({
        alt:
          'The report of a training that pays for steps of reasoning, whatever they say: charts in which the reward rises while right answers ' +
          'fall, and below them what the diagnosis found, with the numbers that made it speak and what to change.',
        caption:
          '<sub>A reward for steps, whatever they say: what is paid rises, right answers fall, and the diagnosis says so (one of its findings).</sub>',
      }),
    async make(workshop, theme) {
      await recordTrouble(workshop)
      const { report } = runLayout(path.join(root, TROUBLE))
      const show = async (page: Page): Promise<Locator[]> => {
        const shown = ['#chart-reward', '#chart-reward-components']
        await page.addStyleTag({
          content: `#charts figure:not(${shown.join(', ')}), #charts-content > :not(.charts) { display: none }`,
        })
        await waitForCharts(page)
        // One finding says it; others follow from the same.
        const finding = page.locator('#notes .note', { hasText: 'unsound reasoning' }).first()
        await finding.evaluate((note) => {
          for (const other of document.querySelectorAll('#notes .note')) if (other !== note) other.remove()
        })
        return [page.locator('#charts h2'), ...shown.map((id) => page.locator(id)), finding]
      }
      return screenshot(await workshop.browser(), report, theme, { width: 1100, height: 900, show })
    },
  },
  {
    name: 'report-live',
    describe: () =>
      Promise.resolve({
        alt:
          'A report that is watched while the run goes on: at the top the step that it is at, with buttons to pause, resume and stop it; below ' +
          'the figures so far.',
        caption:
          '<sub>`grpo-ts report RUN --watch` while the run goes on: what it is at, and buttons that steer it.</sub>',
      }),
    async make(workshop, theme) {
      return (await workshop.watched())[theme.name]
    },
  },
  {
    name: 'review',
    describe: () =>
      Promise.resolve({
        alt:
          'The page of a review: a held-out problem, below it two answers side by side named answer 1 and answer 2, and at the bottom the choices: ' +
          'answer 1, answer 2, equally good, both bad, with their keys.',
        caption: '<sub>`grpo-ts review runs/quickstart --page`: which answer is whose is not told.</sub>',
      }),
    async make(workshop, theme) {
      const args = ['review', await workshop.quickstart(), '--page']
      return withServed(args, async (address) =>
        screenshot(await workshop.browser(), address, theme, {
          width: 1100,
          height: 480,
          show: async (page) => {
            await page.locator('#review .sides').waitFor()
            return [page.locator('body')]
          },
        }),
      )
    },
  },
]
