import { isCorrect, isCorrectLenient, meanEstimate, passAtKShares } from './decodingResult.js'
import type {
  DecodingResult,
  EvaluatedProblem,
  EvaluationSettings,
  PairedDifference,
  PairedResult,
  Trace,
} from './evaluation.js'
import { mcnemarTest } from './statistics/mcnemar.js'
import { signFlipTest } from './statistics/permutationTest.js'

/** Compares two policies on the same problems, decoded in the same way. */
export function pairResults(
  problems: readonly EvaluatedProblem[],
  baseline: DecodingResult,
  policy: DecodingResult,
  settings: EvaluationSettings,
): PairedResult {
  const before = baseline.completions
  const after = policy.completions
  const differencesOf = (measure: (completions: readonly Trace[][]) => number[]): number[] => {
    const values = measure(before)
    return measure(after).map((value, i) => value - values[i]!)
  }
  return {
    strict: pairedDifference(problems, before, after, isCorrect, settings),
    lenient: pairedDifference(problems, before, after, isCorrectLenient, settings),
    passAtK: policy.passAtK.map(({ k }) => ({
      k,
      difference: meanEstimate(
        differencesOf((completions) => passAtKShares(completions, isCorrect, k)),
        settings,
      ),
    })),
    meanTokens: meanEstimate(
      differencesOf((completions) =>
        completions.map((row) => row.reduce((sum, { tokens }) => sum + tokens, 0) / row.length),
      ),
      settings,
    ),
    identicalCompletions: after
      .map((row, i) => row.filter(({ text }, j) => text === before[i]![j]!.text).length)
      .reduce((sum, count) => sum + count, 0),
  }
}

/** Difference of the shares of completions for which something holds, with its interval and p-value. */
function pairedDifference(
  problems: readonly EvaluatedProblem[],
  before: readonly Trace[][],
  after: readonly Trace[][],
  holds: (trace: Trace) => boolean,
  settings: EvaluationSettings,
): PairedDifference {
  const count = after[0]!.length
  // Whole numbers, so that equal shares differ by exactly 0.
  const beforeCounts = before.map((row) => row.filter(holds).length)
  const afterCounts = after.map((row) => row.filter(holds).length)
  const differences = afterCounts.map((value, i) => value - beforeCounts[i]!)
  const idsWhere = (condition: (i: number) => boolean): string[] =>
    problems.filter((_, i) => condition(i)).map(({ id }) => id)
  const fixed = idsWhere((i) => differences[i]! > 0)
  const broken = idsWhere((i) => differences[i]! < 0)
  return {
    difference: meanEstimate(
      differences.map((difference) => difference / count),
      settings,
    ),
    pValue: count === 1 ? mcnemarTest(broken.length, fixed.length) : signFlipTest(differences, settings),
    test: count === 1 ? 'exact McNemar' : 'sign-flip permutation',
    fixed,
    broken,
    bothRight: idsWhere((i) => beforeCounts[i] === count && afterCounts[i] === count).length,
    bothWrong: idsWhere((i) => beforeCounts[i] === 0 && afterCounts[i] === 0).length,
  }
}
