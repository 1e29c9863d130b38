import { DataError } from '../../errors.js'
import { statusOf } from '../../io/statusOf.js'
import { readEvaluation } from '../../run/evaluationFile.js'
import { runLayout } from '../../run/layout.js'
import { readReviews } from '../../run/reviewsFile.js'
import { statisticsReady } from '../statistics/distributions.js'
import { reviewResults } from './results.js'
import type { ReviewResults } from './results.js'
import { summarizeReview } from './summary.js'
import type { ReviewSummary } from './summary.js'

/**
 * What people have said so far of the completions of a run: sums up its reviews.jsonl by its eval.json.
 * @returns the numbers, and the same as texts, which also say where lines of reviews.jsonl are damaged and were left out
 * @throws DataError where there is no such folder, FileFormatError for an eval.json that is missing or damaged
 */
export async function readReviewResults(folder: string): Promise<{ results: ReviewResults; summary: ReviewSummary }> {
  checkRunIsFolder(folder)
  const evaluation = readEvaluation(runLayout(folder).evaluation)
  await statisticsReady
  const { lines, problem } = readReviews(folder)
  const results = reviewResults(evaluation, lines)
  return { results, summary: summarizeReview(results, problem) }
}

/** Throws a DataError where there is no such folder. */
export function checkRunIsFolder(folder: string): void {
  if (statusOf(folder)?.isDirectory()) return
  throw new DataError(`${folder} is not a folder; expected the folder of a run, such as runs/quickstart`)
}
