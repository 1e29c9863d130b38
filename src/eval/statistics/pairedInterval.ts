import { ConfigError } from '../../errors.js'
import { clusteredInterval } from './clusteredInterval.js'
import type { Interval } from './proportionInterval.js'

/**
 * Confidence interval of a difference of two means of shares on the same problems, after − before: the distances from each
 * mean to the bounds of its own interval ({@link clusteredInterval}) put together, less what the two have in common
 * (Newcombe 1998, Stat. Med. 17:2635, method 10: a positive correlation is corrected for continuity; for any pair of intervals
 * Zou and Donner 2008, Stat. Med. 27:1693, "MOVER"). Unlike a bootstrap, and unlike the same without the correction, it does
 * not collapse to a point where no problem happened to differ.
 */
export function pairedInterval(
  before: readonly number[], // [problems]
  after: readonly number[], // [problems]
  /** Completions that each share was counted over. */
  completionsPerProblem: number,
  confidence: number,
): Interval {
  if (before.length !== after.length) {
    throw new ConfigError(
      `pairedInterval: ${before.length} shares before and ${after.length} after; expected those of the same problems, in the same order`,
    )
  }
  const { first, second, correlation } = moments(before, after, completionsPerProblem)
  const [firstLow, firstHigh] = clusteredInterval(before, completionsPerProblem, confidence)
  const [secondLow, secondHigh] = clusteredInterval(after, completionsPerProblem, confidence)
  const together = (a: number, b: number): number => Math.sqrt(Math.max(0, a * a - 2 * correlation * a * b + b * b))
  const difference = second - first
  return [
    Math.max(-1, difference - together(second - secondLow, firstHigh - first)),
    Math.min(1, difference + together(secondHigh - second, first - firstLow)),
  ]
}

/**
 * The means and their correlation over problems, 0 where one of them does not vary. A positive sum of products is made smaller
 * by half of the least step of a share, but not below 0: (ad − bc) / n becomes (ad − bc − n/2) / n at one completion.
 */
function moments(
  before: readonly number[],
  after: readonly number[],
  completionsPerProblem: number,
): { first: number; second: number; correlation: number } {
  const count = before.length
  const first = before.reduce((sum, value) => sum + value, 0) / count
  const second = after.reduce((sum, value) => sum + value, 0) / count
  let variances = [0, 0, 0]
  for (const [i, value] of before.entries()) {
    const [a, b] = [value - first, after[i]! - second]
    variances = [variances[0]! + a * a, variances[1]! + b * b, variances[2]! + a * b]
  }
  const [squares, otherSquares, products] = variances as [number, number, number]
  const corrected = products > 0 ? Math.max(0, products - 0.5 / completionsPerProblem) : products
  return { first, second, correlation: squares * otherSquares > 0 ? corrected / Math.sqrt(squares * otherSquares) : 0 }
}
