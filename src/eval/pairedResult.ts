import { isCorrect, isCorrectLenient, passAtKShares } from './decodingResult.js'
import { mean } from './estimates.js'
import type {
  DecodingResult,
  Estimate,
  EvaluatedProblem,
  EvaluationSettings,
  PairedDifference,
  PairedResult,
  Trace,
} from '../run/evaluation.js'
import { bootstrapIntervals } from './statistics/bootstrap.js'
import { mcnemarTest } from './statistics/mcnemar.js'
import { pairedInterval } from './statistics/pairedInterval.js'
import { signFlipTest } from './statistics/permutationTest.js'
import type { Interval } from './statistics/proportionInterval.js'

/** Compares two policies on the same problems, decoded in the same way. */
export function pairResults(
  problems: readonly EvaluatedProblem[],
  baseline: DecodingResult,
  policy: DecodingResult,
  settings: EvaluationSettings,
): PairedResult {
  const before = baseline.completions
  const after = policy.completions
  const count = policy.completionsPerProblem
  const tokens = subtract(tokensOf(after), tokensOf(before))
  const strict = rightCounts(before, after, isCorrect)
  const lenient = rightCounts(before, after, isCorrectLenient)
  const [strictInterval, lenientInterval, tokensInterval] = bootstrapIntervals(
    [
      { numerators: strict.differences.map((difference) => difference / count) },
      { numerators: lenient.differences.map((difference) => difference / count) },
      { numerators: tokens },
    ],
    settings,
  )
  return {
    strict: pairedDifference(problems, strict, count, strictInterval ?? null, settings),
    lenient: pairedDifference(problems, lenient, count, lenientInterval ?? null, settings),
    passAtK: policy.passAtK.map(({ k }) => ({
      k,
      difference: differenceEstimate(
        passAtKShares(before, isCorrect, k),
        passAtKShares(after, isCorrect, k),
        count,
        settings,
      ),
    })),
    meanTokens: { value: mean(tokens), low: tokensInterval?.[0] ?? null, high: tokensInterval?.[1] ?? null },
    completions: problems.length * count,
    identicalCompletions: after
      .map((row, i) => row.filter(({ text }, j) => text === before[i]![j]!.text).length)
      .reduce((sum, same) => sum + same, 0),
  }
}

/** Right completions of each problem, as whole numbers, so that equal ones differ by exactly 0. */
interface RightCounts {
  readonly before: readonly number[] // [problems]
  readonly after: readonly number[] // [problems]
  readonly differences: readonly number[] // [problems]
}

function rightCounts(
  baseline: readonly Trace[][],
  policy: readonly Trace[][],
  holds: (trace: Trace) => boolean,
): RightCounts {
  const before = baseline.map((row) => row.filter(holds).length)
  const after = policy.map((row) => row.filter(holds).length)
  return { before, after, differences: subtract(after, before) }
}

/** Difference of the shares of right completions with its interval and p-value. */
function pairedDifference(
  problems: readonly EvaluatedProblem[],
  { before, after, differences }: RightCounts,
  count: number,
  bootstrap: Interval | null,
  settings: EvaluationSettings,
): PairedDifference {
  const idsWhere = (condition: (i: number) => boolean): string[] =>
    problems.filter((_, i) => condition(i)).map(({ id }) => id)
  const fixed = idsWhere((i) => differences[i]! > 0)
  const broken = idsWhere((i) => differences[i]! < 0)
  const shares = (counts: readonly number[]): number[] => counts.map((right) => right / count)
  return {
    difference: differenceEstimate(shares(before), shares(after), count, settings),
    bootstrap: bootstrap && { low: bootstrap[0], high: bootstrap[1] },
    pValue: count === 1 ? mcnemarTest(broken.length, fixed.length) : signFlipTest(differences, settings),
    test: count === 1 ? 'exact McNemar' : 'sign-flip permutation',
    fixed,
    broken,
    bothRight: idsWhere((i) => before[i] === count && after[i] === count).length,
    bothWrong: idsWhere((i) => before[i] === 0 && after[i] === 0).length,
  }
}

function differenceEstimate(
  before: readonly number[],
  after: readonly number[],
  count: number,
  { confidence }: EvaluationSettings,
): Estimate {
  const [low, high] = pairedInterval(before, after, count, confidence)
  return { value: mean(subtract(after, before)), low, high }
}

/** Mean length of each problem's completions. */
function tokensOf(completions: readonly Trace[][]): number[] {
  return completions.map((row) => mean(row.map(({ tokens }) => tokens)))
}

function subtract(values: readonly number[], others: readonly number[]): number[] {
  return values.map((value, i) => value - others[i]!)
}
