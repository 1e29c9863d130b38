import { describeReview } from './describe.js'
import { measures } from './measures.js'
import type { ReviewResults } from './results.js'

/** Cells of a row: what it is, how many verdicts, and what share of them, with its interval where there is one. */
export type ReviewRow = readonly [label: string, verdicts: string, share: string]

/** The results of a review as texts. */
export interface ReviewSummary {
  /** `120 verdicts on 90 pairs by 2 reviewers (anna 90, ben 30)` */
  readonly heading: string
  /** How many verdicts said what. */
  readonly counts: readonly ReviewRow[]
  /** How often people preferred the answer that has more of what is measured. */
  readonly measures: readonly ReviewRow[]
  /** What that shows. */
  readonly sentences: readonly string[]
}

/**
 * The results of a review as a terminal and pages show them.
 * @param problem what is wrong with reviews.jsonl, if anything
 */
export function summarizeReview(results: ReviewResults, problem: string | null): ReviewSummary {
  const { verdicts, pairs, reviewers } = results
  const names = reviewers.map((one) => `${one.name} ${one.verdicts}`).join(', ')
  const heading = `${plural(verdicts, 'verdict')} on ${plural(pairs, 'pair')} by ${plural(reviewers.length, 'reviewer')}`
  return {
    heading: names === '' ? heading : `${heading} (${names})`,
    counts: countRows(results),
    measures: measureRows(results),
    sentences: [...describeReview(results), ...(problem === null ? [] : [problem])],
  }
}

function countRows({ counts, verdicts, trainedName, baseName }: ReviewResults): ReviewRow[] {
  if (verdicts === 0) return []
  const row = (label: string, count: number): ReviewRow => [
    label,
    count.toLocaleString('en'),
    percent(count / verdicts),
  ]
  return [
    row(`${trainedName} better`, counts.trained),
    row(`${baseName} better`, counts.base),
    row('equally good', counts.tie),
    row('both bad', counts.bothBad),
  ]
}

function measureRows(results: ReviewResults): ReviewRow[] {
  return results.measures.map(({ name, verdicts, share: { value, low, high } }) => {
    const interval = low === null || high === null ? '' : ` [${(100 * low).toFixed(1)}, ${(100 * high).toFixed(1)}]`
    return [measures[name].label, verdicts.toLocaleString('en'), `${percent(value)}${interval}`]
  })
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`
}

function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`
}
