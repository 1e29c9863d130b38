import fs from 'node:fs'
import type { QuickstartSummary } from '../../../src/cli/quickstart/summary.js'
import { gradeOf } from '../../../src/grading/gradeOf.js'
import { readCompletions } from '../../../src/run/completionsFile.js'
import { runLayout } from '../../../src/run/layout.js'

/** What a quickstart learned. */
export interface AccuracyCurve {
  readonly summary: QuickstartSummary
  /** Share of right answers among the completions of each step, by the grader, whatever was rewarded. */
  readonly shares: readonly number[]
}

/**
 * Reads the curve of a quickstart.
 * @throws Error when the folder holds none that has come to its end
 */
export async function readAccuracyCurve(folder: string): Promise<AccuracyCurve> {
  const file = runLayout(folder).summary
  if (!fs.existsSync(file)) throw new Error(`${folder} holds no finished quickstart: there is no ${file}`)
  const counts: { right: number; all: number }[] = []
  for await (const { step, completion, answer, prompt, problem, correct } of readCompletions(folder)) {
    const count = (counts[step - 1] ??= { right: 0, all: 0 })
    count.all++
    // A placebo's rewards judge nothing; its completions are graded here.
    const isRight =
      correct ?? (await gradeOf(completion, { id: problem, question: '', answer: answer ?? '' }, prompt)).correct
    if (isRight) count.right++
  }
  const summary = JSON.parse(fs.readFileSync(file, 'utf8')) as QuickstartSummary
  return { summary, shares: counts.map(({ right, all }) => right / all) }
}
