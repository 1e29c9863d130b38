import type {
  Decoding,
  DecodingResult,
  Estimate,
  Evaluation,
  EvaluationSettings,
  PolicyResult,
} from '../../../run/evaluation.js'
import { formatTable, percent } from '../../terminal/table.js'

/** A line of the table: a quantity, and what each policy has there. */
interface Line {
  readonly label: string
  readonly cells: readonly string[]
}

/** The results of all policies side by side: a column for each, with intervals in brackets. */
export function formatEvaluation(evaluation: Evaluation): string {
  const { policies, settings } = evaluation
  const lines = [
    ...decodingLines(policies, 'greedy', 'greedy', settings),
    ...decodingLines(
      policies,
      'sampled',
      `${settings.samples} samples at temperature ${settings.temperature}`,
      settings,
    ),
  ]
  return formatTable<Line>(
    [
      { heading: '', text: ({ label }) => label, left: true },
      ...policies.map(({ name }, i) => ({ heading: name, text: ({ cells }: Line) => cells[i] ?? null })),
    ],
    lines,
  )
}

function decodingLines(
  policies: readonly PolicyResult[],
  decoding: Decoding,
  heading: string,
  settings: EvaluationSettings,
): Line[] {
  const results = policies.map((policy) => policy[decoding]).filter((result) => result !== null)
  const [first] = results
  if (!first) return []
  const line = (label: string, of: (result: DecodingResult) => string | null | undefined): Line => ({
    label: `  ${label}`,
    cells: results.map((result) => of(result) ?? ''),
  })
  const lines = [
    line('right', ({ accuracy }) => share(accuracy)),
    line('right in any form', ({ accuracyLenient }) => share(accuracyLenient)),
    ...first.passAtK
      .filter(({ k }) => k > 1)
      .map(({ k }, i) => line(`pass@${k}`, ({ passAtK }) => share(passAtK[i + 1]?.strict))),
    ...(first.majority ? [line(`maj@${first.majority.k}`, ({ majority }) => share(majority?.accuracy))] : []),
    line(`cut off at ${settings.maxCompletionLength} tokens`, ({ truncated }) => share(truncated)),
    line('tokens', ({ meanTokens }) => amount(meanTokens)),
    ...reasoningLines(line),
    ...difficultyLines(first, line),
  ]
  return [{ label: heading, cells: [] }, ...lines.filter(({ cells }) => cells.some((cell) => cell !== ''))]
}

type MakeLine = (label: string, of: (result: DecodingResult) => string | null | undefined) => Line

function reasoningLines(line: MakeLine): Line[] {
  return [
    line('with worked steps', ({ reasoning }) => share(reasoning.withSteps)),
    line('steps', ({ reasoning }) => amount(reasoning.meanSteps)),
    line('equations that hold', ({ reasoning }) => share(reasoning.correctEquations)),
    line('answer follows from last step', ({ reasoning }) => share(reasoning.coherent)),
    line('corrects itself', ({ reasoning }) => share(reasoning.selfCorrecting)),
    line('corrections that help', ({ reasoning: { selfCorrections } }) =>
      selfCorrections.count === 0 ? null : `${selfCorrections.helpful} of ${selfCorrections.count}`,
    ),
  ]
}

function difficultyLines(first: DecodingResult, line: MakeLine): Line[] {
  // One difficulty says nothing that the line of all problems does not.
  if (first.byDifficulty.length < 2) return []
  return first.byDifficulty.map(({ difficulty, problems }, i) =>
    line(`right, difficulty ${difficulty} (${problems})`, ({ byDifficulty }) => share(byDifficulty[i]?.accuracy)),
  )
}

/** `45.5 % [36.0, 55.3]` */
function share(estimate: Estimate | null | undefined): string | null {
  if (!estimate) return null
  const { value, low, high } = estimate
  const interval = low === null || high === null ? '' : ` [${(100 * low).toFixed(1)}, ${(100 * high).toFixed(1)}]`
  return `${percent(value) ?? ''}${interval}`
}

/** `61.2 [58.9, 63.4]` */
function amount(estimate: Estimate | null | undefined): string | null {
  if (!estimate) return null
  const { value, low, high } = estimate
  return `${value.toFixed(1)}${low === null || high === null ? '' : ` [${low.toFixed(1)}, ${high.toFixed(1)}]`}`
}
