import type { Estimate, EvaluationSettings } from '../run/evaluation.js'
import { bootstrapIntervals } from './statistics/bootstrap.js'
import { clusteredInterval } from './statistics/clusteredInterval.js'

export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

/** The mean over problems of values with its bootstrap interval. */
export function meanEstimate(values: readonly number[], settings: EvaluationSettings): Estimate {
  const [interval] = bootstrapIntervals([{ numerators: values }], settings)
  return { value: mean(values), low: interval?.[0] ?? null, high: interval?.[1] ?? null }
}

/** The mean over problems of shares with its interval. */
export function shareEstimate(
  shares: readonly number[], // [problems]
  /** Completions, or whatever was counted, that a share is of. */
  countPerProblem: number,
  confidence: number,
): Estimate {
  const [low, high] = clusteredInterval(shares, countPerProblem, confidence)
  return { value: mean(shares), low, high }
}
