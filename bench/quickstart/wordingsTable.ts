import { greedyEstimate, greedyShares, pairedDifference, passAtKEstimate, passAtKShares } from './answerCounts.js'
import type { AnswerCounts } from './answerCounts.js'
import { difference, markdownTable, share } from './markdown.js'
import type { WordingCounts } from './results.js'

/** Base and trained models on the problems of a file, and the mean of the trained ones. */
export function wordingsTable({ base, trained }: WordingCounts): string {
  const n = base.samples
  const row = (name: string, counts: readonly AnswerCounts[], isBase = false): string[] => [
    name,
    share(greedyEstimate(counts)),
    isBase ? '' : difference(pairedDifference(greedyShares([base]), greedyShares(counts))),
    share(passAtKEstimate(counts, 1)),
    isBase ? '' : difference(pairedDifference(passAtKShares([base], 1), passAtKShares(counts, 1))),
    share(passAtKEstimate(counts, n)),
  ]
  const rows = trained.map(({ seed, answers }) => row(`after GRPO, seed ${seed}`, [answers]))
  const all = trained.map(({ answers }) => answers)
  return markdownTable(
    [`${base.right.length} problems`, 'greedy', 'points', 'sampled', 'points', `pass@${n}`],
    [row('base', [base], true), ...rows, ...(all.length > 1 ? [row('mean of the seeds', all)] : [])],
  )
}
