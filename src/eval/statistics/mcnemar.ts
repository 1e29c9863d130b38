import { checkCount } from './checkNumbers.js'
import { binomialCdf, binomialSurvival } from './distributions.js'

/**
 * Exact McNemar test of two models on the same problems: under the null hypothesis each problem that only one of them
 * solves is as likely to be solved by either, so the number is binomial with probability 1/2.
 * Throws a ConfigError for what are no whole numbers.
 * @returns two-sided p-value, min(1, 2 P(X <= min(b, c))); 1 when they agree on every problem
 */
export function mcnemarTest(
  /** Problems that only the first model solves. */
  broken: number,
  /** Problems that only the second model solves. */
  fixed: number,
): number {
  checkDiscordant(broken, fixed)
  return Math.min(1, 2 * binomialCdf(Math.min(broken, fixed), broken + fixed, 0.5))
}

/** One-sided p-value of the exact McNemar test: P(X >= fixed), small when the second model is better. */
export function mcnemarTestOneSided(broken: number, fixed: number): number {
  checkDiscordant(broken, fixed)
  return binomialSurvival(fixed - 1, broken + fixed, 0.5)
}

function checkDiscordant(broken: number, fixed: number): void {
  checkCount('mcnemarTest: broken', broken)
  checkCount('mcnemarTest: fixed', fixed)
}
