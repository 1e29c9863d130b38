import { unsupported } from './compare.js'
import type { Part } from './referenceFiles.js'

const notImplemented: Readonly<Record<string, string>> = {
  mcnemar_exact: 'no exact McNemar test yet',
  pass_at_k: 'no unbiased pass@k yet',
  proportion_intervals: 'no confidence intervals of proportions yet',
}

/** Statistics of evaluations. */
export const stats: Part = {
  name: 'stats',
  matches: /^stats\/(mcnemar_exact|pass_at_k|proportion_intervals)\.json$/,
  *run(file) {
    yield unsupported('statistic', notImplemented[/([^/]+)\.json$/.exec(file)![1]!]!)
  },
}
