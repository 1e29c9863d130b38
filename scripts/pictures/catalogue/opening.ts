import { runLayout } from '../../../src/run/layout.js'
import { duration } from '../../../src/io/units.js'
import { drawLearningCurve } from '../curve/drawing.js'
import type { Picture } from '../picture.js'
import { screenshot } from '../screenshot.js'
import { animateTerminal } from '../terminal/drawing.js'
import { finalLines, framesOf } from '../terminal/frames.js'
import { openBeforeAndAfter } from './report.js'

/** Seconds in which a recording runs, and pictures of the terminal in a second. */
const SECONDS = 11
const FRAMES_PER_SECOND = 6

const percent = (share: number): string => `${(100 * share).toFixed(0)} %`

/** `43 %`, or `43 to 45 %` where seeds differ. */
function range(shares: readonly number[]): string {
  const [low, high] = [Math.min(...shares), Math.max(...shares)].map((share) => (100 * share).toFixed(0))
  return low === high ? `${low!} %` : `${low!} to ${high!} %`
}

/** What README.md opens with. */
export const openingPictures: readonly Picture[] = [
  {
    name: 'start',
    async describe(workshop) {
      const { seconds } = await workshop.start()
      const { summary } = await workshop.recorded()
      const [before, after] = [summary.base, summary.trained].map(({ accuracy }) => percent(accuracy.value))
      return {
        alt:
          `A recording of npm start in a terminal: the base model answers ${before!} of the held-out word problems right, 100 steps of ` +
          `GRPO follow with the reward of each tenth step as a growing bar, then a table compares base and trained model: ${after!} right.`,
        caption: `<sub>\`npm start\`, recorded; it took ${duration(seconds)} and runs here in ${SECONDS} seconds.</sub>`,
      }
    },
    async make(workshop, theme) {
      const recording = await workshop.start()
      const lines = finalLines(recording)
      // The table and the two answers, which end before the hints at what to do next; then those.
      const hints = lines.findIndex((line) => line.startsWith('report '))
      const views = [
        { top: Math.max(0, hints - recording.rows), seconds: 5 },
        { top: Math.max(0, lines.length - recording.rows), seconds: 2.5 },
      ]
      return animateTerminal(framesOf(recording, SECONDS * FRAMES_PER_SECOND), {
        ...recording,
        seconds: SECONDS,
        views,
        theme,
        title: 'npm start in a terminal',
      })
    },
  },
  {
    name: 'learning-curve',
    async describe(workshop) {
      const [runs, placebos] = [await workshop.seeds(), await workshop.placebos()]
      const { problems } = runs[0]!.summary
      const before = range(runs.map(({ summary }) => summary.base.accuracy.value))
      const after = range(runs.map(({ summary }) => summary.trained.accuracy.value))
      const ofPlacebo = range(placebos.map(({ summary }) => summary.trained.accuracy.value))
      const seeds = runs.length === 1 ? 'one run' : `${runs.length} seeds`
      return {
        alt:
          `Share of right answers over ${runs[0]!.shares.length} training steps: a rising curve with GRPO, from ${before} of the held-out ` +
          `problems to ${after}, and a flat one with random rewards, which ends at ${ofPlacebo}.`,
        caption:
          `<sub>Right answers while it trains, ${seeds} (blue), and the same training with random rewards (orange, \`npm start -- --placebo\`); ` +
          `thick lines are means over 5 steps. Circles: ${problems} held-out problems, before ${before}, after ${after}, with random rewards ${ofPlacebo}.</sub>`,
      }
    },
    async make(workshop, theme) {
      const title = 'Right answers while training, with GRPO and with random rewards'
      return drawLearningCurve(await workshop.seeds(), await workshop.placebos(), theme, title)
    },
  },
  {
    name: 'before-and-after',
    describe: () =>
      Promise.resolve({
        alt:
          'The report of the run: one held-out problem with the sampled answers of the base model on the left, which are wrong, and those ' +
          'of the trained model on the right, which write down their steps and are right.',
        caption:
          '<sub>The same held-out problem before and after, two of the four answers of each model, in the report that the run leaves.</sub>',
      }),
    async make(workshop, theme) {
      const { report } = runLayout(await workshop.quickstart())
      return screenshot(await workshop.browser(), report, theme, {
        width: 1400,
        height: 1000,
        show: openBeforeAndAfter,
      })
    },
  },
]
