import { ConfigError } from '../../errors.js'
import { checkFinite } from './checkNumbers.js'
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus'
import type { Interval } from './proportionInterval.js'

/** A ratio of two sums over problems; the mean over problems when every denominator is 1. */
export interface Ratio {
  readonly numerators: readonly number[] // [problems]
  /** Defaults to 1 for each problem. */
  readonly denominators?: readonly number[] // [problems]
}

export interface ResamplingOptions {
  /** Number of resamples. */
  resamples: number
  /** The same seed gives the same interval. */
  seed: number
  confidence: number
}

/**
 * Percentile bootstrap intervals of ratios of sums over problems (Efron 1979): problems, with all that was measured of them,
 * are drawn with replacement. All ratios are taken on the same draws. Null where there are fewer than two problems, or
 * where the denominators are nothing but zeros.
 */
export function bootstrapIntervals(
  ratios: readonly Ratio[],
  { resamples, seed, confidence }: ResamplingOptions,
): (Interval | null)[] {
  const problems = ratios[0]?.numerators.length ?? 0
  for (const [i, { numerators, denominators = numerators }] of ratios.entries()) {
    checkFinite(`bootstrapIntervals: numerators of ratio ${i}`, numerators)
    checkFinite(`bootstrapIntervals: denominators of ratio ${i}`, denominators)
    if (numerators.length === problems && denominators.length === problems) continue
    throw new ConfigError(
      `bootstrapIntervals: ratio ${i} has ${numerators.length} numerators and ${denominators.length} denominators; expected those of ` +
        `${problems} problems`,
    )
  }
  if (problems < 2 || resamples < 1) return ratios.map(() => null)
  const columns = ratios.map(({ numerators, denominators }) => ({
    numerators: Float64Array.from(numerators),
    denominators: denominators ? Float64Array.from(denominators) : new Float64Array(problems).fill(1),
    drawn: new Float64Array(resamples),
  }))
  const random = xoroshiro128plus(seed | 0)
  const indices = new Uint32Array(problems)
  for (let resample = 0; resample < resamples; resample++) {
    for (let i = 0; i < problems; i++) indices[i] = ((random.next() >>> 0) / 2 ** 32) * problems
    for (const { numerators, denominators, drawn } of columns) {
      let numerator = 0
      let denominator = 0
      for (let i = 0; i < problems; i++) {
        numerator += numerators[indices[i]!]!
        denominator += denominators[indices[i]!]!
      }
      drawn[resample] = numerator / denominator
    }
  }
  return columns.map(({ drawn }) => percentiles(drawn, confidence))
}

function percentiles(drawn: Float64Array, confidence: number): Interval | null {
  // Draws of problems that all have the denominator 0 say nothing.
  const sorted = drawn.filter((value) => Number.isFinite(value)).sort()
  if (sorted.length === 0) return null
  const tail = (1 - confidence) / 2
  return [quantile(sorted, tail), quantile(sorted, 1 - tail)]
}

/** Linear interpolation between order statistics, as numpy does by default. */
function quantile(sorted: Float64Array, probability: number): number {
  const position = probability * (sorted.length - 1)
  const below = Math.floor(position)
  const low = sorted[below]!
  const high = sorted[Math.min(below + 1, sorted.length - 1)]!
  return low + (position - below) * (high - low)
}
