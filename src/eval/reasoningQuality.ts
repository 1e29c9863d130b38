import { mean, meanEstimate, shareEstimate } from './estimates.js'
import type { Estimate, EvaluationSettings, ReasoningQuality, Trace, TraceReasoning } from '../run/evaluation.js'

/** What the completions of problems reason like. */
export function summarizeReasoning(
  completions: readonly Trace[][], // [problems][completionsPerProblem]
  settings: EvaluationSettings,
): ReasoningQuality {
  const rows = completions.map((row) => row.map(({ reasoning }) => reasoning))
  const all = rows.flat()
  const sum = (of: (trace: TraceReasoning) => number): number => all.reduce((total, trace) => total + of(trace), 0)
  const shareOf = (counts: (trace: TraceReasoning) => readonly [holds: number, of: number]): Estimate | null =>
    ratioEstimate(
      rows.map((row) => row.map(counts)),
      settings.confidence,
    )
  return {
    withSteps: shareOf(({ steps }) => [Number(steps > 0), 1])!,
    meanSteps: meanEstimate(
      rows.map((row) => mean(row.map(({ steps }) => steps))),
      settings,
    ),
    correctEquations: shareOf(({ equations, correctEquations }) => [correctEquations, equations]),
    selfCorrecting: shareOf(({ selfCorrections }) => [Number(selfCorrections > 0), 1])!,
    selfCorrections: {
      count: sum(({ selfCorrections }) => selfCorrections),
      helpful: sum(({ helpfulSelfCorrections }) => helpfulSelfCorrections),
    },
    coherent: shareOf(({ coherent }) => [Number(coherent === true), Number(coherent !== null)]),
  }
}

/** The mean over problems of the share of what was counted in their completions; problems without any do not count. */
function ratioEstimate(
  counts: readonly (readonly (readonly [holds: number, of: number])[])[], // [problems][completionsPerProblem]
  confidence: number,
): Estimate | null {
  const perProblem = counts
    .map((row) => [row.reduce((sum, [holds]) => sum + holds, 0), row.reduce((sum, [, of]) => sum + of, 0)] as const)
    .filter(([, of]) => of > 0)
  if (perProblem.length === 0) return null
  const countPerProblem = mean(perProblem.map(([, of]) => of))
  return shareEstimate(
    perProblem.map(([holds, of]) => holds / of),
    countPerProblem,
    confidence,
  )
}
