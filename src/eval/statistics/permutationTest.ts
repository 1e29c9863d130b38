import { checkCount, checkFinite } from './checkNumbers.js'
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus'

/** Up to this many problems that differ, all flips are counted instead of drawn. */
const MAXIMUM_EXACT = 14

/**
 * Two-sided sign-flip permutation test of paired differences: under the null hypothesis the two models are exchangeable
 * within a problem, so each difference is as likely to have the opposite sign. With differences of −1, 0 and 1 it is the
 * exact McNemar test. Exact for few differences, otherwise by random flips with p = (1 + as extreme) / (1 + resamples),
 * which never understates it (Phipson and Smyth 2010).
 */
export function signFlipTest(
  differences: readonly number[], // [problems]
  { resamples, seed }: { resamples: number; seed: number },
): number {
  checkFinite('signFlipTest: differences', differences)
  checkCount('signFlipTest: resamples', resamples, 1)
  const nonZero = Float64Array.from(differences.filter((difference) => difference !== 0))
  if (nonZero.length === 0) return 1
  const observed = Math.abs(nonZero.reduce((sum, difference) => sum + difference, 0))
  // Sums of the same numbers in another order may differ in the last bits.
  const limit = observed - 1e-9 * nonZero.length
  if (nonZero.length <= MAXIMUM_EXACT) return exactFlips(nonZero, limit)
  const random = xoroshiro128plus(seed | 0)
  let extreme = 0
  for (let resample = 0; resample < resamples; resample++) {
    let sum = 0
    let bits = 0
    for (let i = 0; i < nonZero.length; i++) {
      if (i % 32 === 0) bits = random.next()
      sum += bits & 1 ? nonZero[i]! : -nonZero[i]!
      bits >>>= 1
    }
    if (Math.abs(sum) >= limit) extreme++
  }
  return (1 + extreme) / (1 + resamples)
}

function exactFlips(nonZero: Float64Array, limit: number): number {
  const flips = 2 ** nonZero.length
  let extreme = 0
  for (let signs = 0; signs < flips; signs++) {
    const sum = nonZero.reduce((total, value, i) => total + ((signs >> i) & 1 ? value : -value), 0)
    if (Math.abs(sum) >= limit) extreme++
  }
  return extreme / flips
}
