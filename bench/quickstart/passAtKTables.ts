import { passAtKs } from '../../src/eval/statistics/passAtK.js'
import { pairedDifference, passAtKEstimate, passAtKShares } from './answerCounts.js'
import { difference, markdownTable, share } from './markdown.js'
import type { SetCounts } from './results.js'

/** pass@k of the base and after each training on each set, with intervals. */
export function passAtKTable(sets: readonly SetCounts[]): string {
  const ks = passAtKs(sets[0]!.base.samples)
  const rows = sets.flatMap(({ description, base, trained, placebo }) => [
    [`${description}, base`, ...ks.map((k) => share(passAtKEstimate([base], k)))],
    [`${description}, after GRPO`, ...ks.map((k) => share(passAtKEstimate([trained], k)))],
    [`${description}, after the placebo`, ...ks.map((k) => share(passAtKEstimate([placebo], k)))],
  ])
  return markdownTable(['', ...ks.map((k) => `pass@${k}`)], rows)
}

/** What the base can do in many tries beside what the trained model does in one, and which problems only one of them ever solves. */
export function taughtTable(sets: readonly SetCounts[]): string {
  const rows = sets.map(({ description, base, trained, placebo }) => {
    const n = base.samples
    const solvedOnlyBy = (one: readonly number[], other: readonly number[]): string =>
      String(one.filter((count, i) => count > 0 && other[i] === 0).length)
    return [
      description,
      share(passAtKEstimate([base], 1)),
      share(passAtKEstimate([base], n)),
      share(passAtKEstimate([trained], 1)),
      share(passAtKEstimate([trained], n)),
      difference(pairedDifference(passAtKShares([base], n), passAtKShares([trained], 1))),
      solvedOnlyBy(trained.right, base.right),
      solvedOnlyBy(base.right, trained.right),
      difference(pairedDifference(passAtKShares([base], 1), passAtKShares([placebo], 1))),
    ]
  })
  const n = sets[0]!.base.samples
  return markdownTable(
    [
      `${sets[0]!.base.right.length} problems of each set`,
      'base pass@1',
      `base pass@${n}`,
      'trained pass@1',
      `trained pass@${n}`,
      `trained pass@1 − base pass@${n}`,
      'only the trained model solves',
      'only the base solves',
      'placebo pass@1 − base pass@1',
    ],
    rows,
  )
}
