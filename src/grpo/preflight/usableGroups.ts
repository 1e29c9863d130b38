import { mean, standardDeviation } from '../metrics/statistics.js'

/** Correlation of the attempts at one problem where they do not tell it themselves: nobody right, or all. */
const USUAL_CORRELATION = 0.3

/**
 * The share of groups that can teach something, 1 − p^G − (1 − p)^G for a problem of pass rate p, expected over the problems of
 * a task from a few attempts at some of them.
 *
 * The pass rates of single problems cannot be told from four attempts: to put in 0 for a problem that was missed four times
 * would call it hopeless. So a Beta distribution of pass rates is fitted to all attempts together (its mean is the share of right
 * ones, its spread that by which problems differ beyond chance, by the method of moments), and the formula is averaged over it:
 * E[p^G] = Π_{i<G} (α + i) / (α + β + i). Where most problems are hopeless and a few are not, this is too kind, by 15 points at G = 16.
 */
export function expectedUsableGroups(
  passes: readonly number[], // right attempts at each problem
  attempts: number, // at each problem
  groupSize: number,
): number {
  const total = passes.length * attempts
  // Half a pass more on either side (Jeffreys' prior): no attempt right does not mean that none ever will be.
  const rate = (passes.reduce((sum, count) => sum + count, 0) + 0.5) / (total + 1)
  const correlation = correlationOf(passes, attempts)
  const strength = 1 / correlation - 1
  const power = (share: number): number => {
    let product = 1
    for (let i = 0; i < groupSize; i++) product *= (share * strength + i) / (strength + i)
    return product
  }
  return 1 - power(rate) - power(1 - rate)
}

/** How alike the attempts at one problem are: 0 for problems that are equally hard, 1 for ones that always or never pass. */
function correlationOf(passes: readonly number[], attempts: number): number {
  const rates = passes.map((count) => count / attempts)
  const rate = mean(rates)
  const byChance = (rate * (1 - rate)) / attempts
  if (byChance === 0 || rates.length < 2 || attempts < 2) return USUAL_CORRELATION
  const correlation = (standardDeviation(rates) ** 2 / byChance - 1) / (attempts - 1)
  // Neither end can be known for certain; at 0 and 1 the distribution would not exist.
  return Math.min(Math.max(correlation, 0.01), 0.99)
}
