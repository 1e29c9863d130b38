import { ConfigError } from '../../errors.js'
import { checkShares } from './checkNumbers.js'
import { proportionInterval } from './proportionInterval.js'
import type { Interval } from './proportionInterval.js'

/**
 * Confidence interval of the mean of shares, each from a problem of its own and between 0 and 1: the Wilson interval at the
 * effective number of trials, m(1 − m) divided by the variance of the mean (Dean and Pagano 2015, J. Surv. Stat. Methodol.
 * 3:484). Completions of one problem are alike, so ten of them say less than completions of ten problems; problems are
 * what was drawn at random. With one completion a problem this is the Wilson interval itself. Throws a ConfigError for what are no shares.
 */
export function clusteredInterval(
  shares: readonly number[], // [problems]
  /** Completions that each share was counted over; their mean where they differ. */
  completionsPerProblem: number,
  confidence: number,
): Interval {
  checkShares('clusteredInterval: shares', shares)
  if (!(completionsPerProblem > 0 && completionsPerProblem < Infinity)) {
    throw new ConfigError(
      `clusteredInterval: completionsPerProblem is ${completionsPerProblem}; expected a number above 0`,
    )
  }
  const problems = shares.length
  const mean = shares.reduce((sum, share) => sum + share, 0) / problems
  const squares = shares.reduce((sum, share) => sum + (share - mean) ** 2, 0)
  const variance = squares / Math.max(1, problems - 1) / problems
  // All alike, as when nothing was solved: they then count as one trial each. Rounding may leave a mean beside 0 or 1.
  const effective = variance > 0 ? (mean * (1 - mean)) / variance : problems
  const trials = Math.min(Math.max(effective, problems), problems * completionsPerProblem)
  return proportionInterval(Math.min(1, Math.max(0, mean)) * trials, trials, { confidence })
}
