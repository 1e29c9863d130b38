import { describePValue } from './pValue.js'
import type { Comparison, EvaluationSettings, PairedDifference, PairedResult } from '../run/evaluation.js'
import { normalQuantile, twoSidedQuantile } from './statistics/distributions.js'

/** Below this p-value a difference counts as shown. */
const SIGNIFICANCE = 0.05

/** Share of evaluations that find a difference which {@link detectableDifference} names. */
const POWER = 0.8

/** What a comparison shows, in plain words: a few sentences for each way of decoding. */
export function describeComparison(comparison: Comparison, settings: EvaluationSettings): string[] {
  const { baseline, policy, greedy, sampled } = comparison
  const names = `${policy} against ${baseline}`
  return [
    ...(greedy ? describeResult(`${names}, greedy`, greedy, settings) : []),
    ...(sampled ? describeResult(`${names}, sampled`, sampled, settings) : []),
  ]
}

function describeResult(heading: string, result: PairedResult, settings: EvaluationSettings): string[] {
  const { strict, lenient } = result
  const counts = `${plural(strict.fixed.length, 'problem')} better, ${strict.broken.length} worse`
  const headline = `${heading}: ${describeDifference(strict, settings)}, ${counts}`
  if (result.identicalCompletions === result.completions) return [`${headline}. All texts are the same.`]
  return [`${headline}. ${conclusion(strict, settings)}`, ...aboutForm(strict, lenient, settings)]
}

/** `+12.0 points (95 % interval +3.1 to +20.9), p = 0.0081 (exact McNemar)` */
function describeDifference(paired: PairedDifference, { confidence }: EvaluationSettings): string {
  const { difference, pValue, test } = paired
  const { value, low, high } = difference
  const interval =
    low === null || high === null ? '' : ` (${percentOf(confidence)} interval ${points(low)} to ${points(high)})`
  return `${points(value)} points${interval}, ${describePValue(pValue)} (${test})`
}

function conclusion(paired: PairedDifference, settings: EvaluationSettings): string {
  const { value } = paired.difference
  if (paired.pValue < SIGNIFICANCE)
    return value > 0 ? 'Better: chance alone would rarely do this.' : 'Worse: chance alone would rarely do this.'
  const detectable = detectableDifference(paired, settings)
  if (detectable === null) return 'No difference is shown.'
  return `No difference is shown; one of about ${(100 * detectable).toFixed(0)} points or more would be found in four of five such evaluations.`
}

/** Whether a gain is one of reasoning or only of the form of the answers. */
function aboutForm(strict: PairedDifference, lenient: PairedDifference, settings: EvaluationSettings): string[] {
  const isShown = strict.pValue < SIGNIFICANCE && strict.difference.value > 0
  if (!isShown) return []
  const inAnyForm = `  Answers in any form: ${describeDifference(lenient, settings)}.`
  if (lenient.pValue < SIGNIFICANCE && lenient.difference.value > 0) {
    return [`${inAnyForm} More answers are right, not only more are in the form asked for.`]
  }
  return [`${inAnyForm} The gain is in the form of the answers; that more of them are right is not shown.`]
}

/**
 * The true difference that evaluations like this one would find with a probability of 0.8: (z(1 − α/2) + z(0.8)) standard
 * errors, of which the interval's half width holds z(1 − α/2). Null without an interval.
 */
function detectableDifference(paired: PairedDifference, { confidence }: EvaluationSettings): number | null {
  const { low, high } = paired.difference
  if (low === null || high === null) return null
  const standardError = (high - low) / 2 / twoSidedQuantile(confidence)
  return (twoSidedQuantile(1 - SIGNIFICANCE) + normalQuantile(POWER)) * standardError
}

/** `+12.0`; `0.0` without a sign. */
export function points(difference: number): string {
  const text = (100 * difference).toFixed(1)
  const isZero = Number(text) === 0
  return isZero ? '0.0' : difference > 0 ? `+${text}` : text
}

function percentOf(share: number): string {
  return `${Number((100 * share).toPrecision(4))} %`
}

function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`
}
