import fs from 'node:fs'
import { FileFormatError } from '../errors.js'
import { reviewResults } from '../eval/review/results.js'
import { summarizeReview } from '../eval/review/summary.js'
import type { ReviewSummary } from '../eval/review/summary.js'
import { areStatisticsReady } from '../eval/statistics/distributions.js'
import { readEvaluation } from '../run/evaluationFile.js'
import { runLayout } from '../run/layout.js'
import { readReviews } from '../run/reviewsFile.js'

/**
 * What people said of the answers of a run; null where nobody has, and where there is no evaluation whose answers they could have seen.
 * Throws a FileFormatError for an eval.json that is damaged.
 */
export function reviewReport(folder: string): ReviewSummary | null {
  const { evaluation, reviews } = runLayout(folder)
  if (!fs.existsSync(evaluation)) return null
  if (!areStatisticsReady()) {
    throw new FileFormatError(reviews, 'await statisticsReady of grpo-ts/statistics before the report is written')
  }
  const { lines, problem } = readReviews(folder)
  const results = reviewResults(readEvaluation(evaluation), lines)
  return results.verdicts === 0 && problem === null ? null : summarizeReview(results, problem)
}
