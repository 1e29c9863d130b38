import { bdtr, bdtrc, compiled, incbi, ndtri } from 'cephes'
import { ConfigError } from '../../errors.js'

/**
 * To be awaited before the first function of statistics is called: cephes is WebAssembly that is compiled in the background when
 * this module is loaded, which takes some milliseconds. (Awaiting it here would keep notebooks and CommonJS from loading the package by `require`.)
 */
export const statisticsReady: Promise<unknown> = compiled.then(() => {
  isReady = true
})

let isReady = false

/** Whether {@link statisticsReady} has resolved. */
export function areStatisticsReady(): boolean {
  return isReady
}

function checkReady(): void {
  if (isReady) return
  throw new ConfigError(
    'statistics are not ready yet; await statisticsReady of grpo-ts/statistics before the first call',
  )
}

/** The quantile of the standard normal distribution: z with P(Z <= z) = `probability`. */
export function normalQuantile(probability: number): number {
  checkReady()
  return ndtri(probability)
}

/** The z that a two-sided interval reaches to: 1.96 for 0.95. */
export function twoSidedQuantile(confidence: number): number {
  return normalQuantile(1 - (1 - confidence) / 2)
}

/** P(X <= k) for the number X of successes in n trials. */
export function binomialCdf(k: number, n: number, probability: number): number {
  checkReady()
  if (k < 0) return 0
  return k >= n ? 1 : bdtr(k, n, probability)
}

/** P(X > k) for the number X of successes in n trials. */
export function binomialSurvival(k: number, n: number, probability: number): number {
  checkReady()
  if (k < 0) return 1
  return k >= n ? 0 : bdtrc(k, n, probability)
}

/** The quantile of the beta distribution with shapes a and b. */
export function betaQuantile(probability: number, a: number, b: number): number {
  checkReady()
  return incbi(a, b, probability)
}
