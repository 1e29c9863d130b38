import type { DecodingResult, Estimate, EvaluatedProblem, EvaluationSettings, Trace } from '../run/evaluation.js'
import { mean, meanEstimate, shareEstimate } from './estimates.js'
import { summarizeReasoning } from './reasoningQuality.js'
import { majorityCorrect } from './statistics/majority.js'
import { passAtK, passAtKs } from './statistics/passAtK.js'

/** Sums up graded completions of problems: what one policy did in one way of decoding. */
export function summarizeTraces(
  problems: readonly EvaluatedProblem[],
  completions: Trace[][], // [problems][completionsPerProblem]
  settings: EvaluationSettings,
): DecodingResult {
  const { confidence } = settings
  const count = completions[0]!.length
  const shareOf = (rows: readonly Trace[][], holds: (trace: Trace) => boolean): Estimate =>
    shareEstimate(
      rows.map((row) => row.filter(holds).length / row.length),
      count,
      confidence,
    )
  const tokens = completions.map((row) => mean(row.map((trace) => trace.tokens)))
  const majority = completions.map((row) =>
    majorityCorrect(row.map(({ extracted, correctLenient }) => ({ answer: extracted, correct: correctLenient }))),
  )
  return {
    completionsPerProblem: count,
    accuracy: shareOf(completions, isCorrect),
    accuracyLenient: shareOf(completions, isCorrectLenient),
    passAtK: passAtKs(count).map((k) => ({
      k,
      strict: shareEstimate(passAtKShares(completions, isCorrect, k), count, confidence),
      lenient: shareEstimate(passAtKShares(completions, isCorrectLenient, k), count, confidence),
    })),
    majority: count === 1 ? null : { k: count, accuracy: shareEstimate(majority, count, confidence) },
    truncated: shareOf(completions, ({ finishReason }) => finishReason === 'length'),
    meanTokens: meanEstimate(tokens, settings),
    reasoning: summarizeReasoning(completions, settings),
    byDifficulty: byDifficulty(problems, completions).map(([difficulty, rows]) => ({
      difficulty,
      problems: rows.length,
      accuracy: shareOf(rows, isCorrect),
      accuracyLenient: shareOf(rows, isCorrectLenient),
    })),
    completions,
  }
}

export const isCorrect = (trace: Trace): boolean => trace.correct
export const isCorrectLenient = (trace: Trace): boolean => trace.correctLenient

/** pass@k of each problem. */
export function passAtKShares(completions: readonly Trace[][], holds: (trace: Trace) => boolean, k: number): number[] {
  return completions.map((row) => passAtK(row.length, row.filter(holds).length, k))
}

/** The completions of problems of each difficulty, easiest first. */
function byDifficulty(problems: readonly EvaluatedProblem[], completions: readonly Trace[][]): [number, Trace[][]][] {
  const groups = new Map<number, Trace[][]>()
  for (const [i, { difficulty }] of problems.entries()) {
    if (difficulty === null) continue
    const group = groups.get(difficulty) ?? []
    group.push(completions[i]!)
    groups.set(difficulty, group)
  }
  return [...groups].sort(([a], [b]) => a - b)
}
