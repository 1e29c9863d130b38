import type { Estimate, Evaluation, PolicyResult, Trace } from '../../run/evaluation.js'
import { duration, gibibytes } from '../../io/units.js'
import { formatTable, percent } from '../terminal/table.js'

/** What one run of the quickstart found, as summary.json holds it. */
export interface QuickstartSummary {
  readonly seed: number
  readonly placebo: boolean
  readonly problems: number
  readonly samples: number
  readonly base: PolicySummary
  readonly trained: PolicySummary
  /** Of the paired difference in accuracy. */
  readonly difference: Estimate
  readonly pValue: number
  /** By variant: accuracy on harder held-out problems. */
  readonly harder: Readonly<Record<string, { base: number; trained: number; pValue: number }>>
  readonly trainingSeconds: number
  readonly totalSeconds: number
  readonly peakBytes: number
}

/** Means over sampled completions. */
export interface PolicySummary {
  readonly accuracy: Estimate
  readonly steps: number
  readonly selfCorrecting: number
  readonly correctEquations: number | null
  readonly tokens: number
}

/** The numbers of an evaluation of `base` and `trained`, and of those of harder problems. */
export function summarize(
  evaluation: Evaluation,
  harder: Readonly<Record<string, Evaluation>>,
  run: { seed: number; placebo: boolean; trainingSeconds: number; totalSeconds: number; peakBytes: number },
): QuickstartSummary {
  const [base, trained] = evaluation.policies
  const paired = evaluation.comparisons[0]!.sampled!.strict
  const { seed, placebo, trainingSeconds, totalSeconds } = run
  return {
    seed,
    placebo,
    problems: evaluation.problems.length,
    samples: evaluation.settings.samples,
    base: summarizePolicy(base!),
    trained: summarizePolicy(trained!),
    difference: paired.difference,
    pValue: paired.pValue,
    harder: Object.fromEntries(
      Object.entries(harder).map(([variant, { policies, comparisons }]) => [
        variant,
        {
          base: policies[0]!.sampled!.accuracy.value,
          trained: policies[1]!.sampled!.accuracy.value,
          pValue: comparisons[0]!.sampled!.strict.pValue,
        },
      ]),
    ),
    trainingSeconds,
    totalSeconds,
    peakBytes: run.peakBytes,
  }
}

function summarizePolicy({ sampled }: PolicyResult): PolicySummary {
  const { accuracy, meanTokens, reasoning } = sampled!
  return {
    accuracy,
    steps: reasoning.meanSteps.value,
    selfCorrecting: reasoning.selfCorrecting.value,
    correctEquations: reasoning.correctEquations?.value ?? null,
    tokens: meanTokens.value,
  }
}

/** The before/after table of the tutorial. */
export function formatSummary(summary: QuickstartSummary, descriptions: Readonly<Record<string, string>>): string {
  const { base, trained, harder } = summary
  const rows: [string, string | null, string | null][] = [
    ['problem accuracy', estimate(base.accuracy), estimate(trained.accuracy)],
    ...Object.entries(harder).map(([variant, accuracy]): [string, string | null, string | null] => [
      `  ${descriptions[variant] ?? variant}`,
      percent(accuracy.base),
      percent(accuracy.trained),
    ]),
    ['reasoning steps', base.steps.toFixed(1), trained.steps.toFixed(1)],
    ['self-corrections', percent(base.selfCorrecting), percent(trained.selfCorrecting)],
    ['calculations right', percent(base.correctEquations) ?? '-', percent(trained.correctEquations) ?? '-'],
    ['tokens an answer', base.tokens.toFixed(1), trained.tokens.toFixed(1)],
    ['training time', '-', duration(summary.trainingSeconds)],
    ['generations a problem', '1', '8'],
    ['memory', '-', gibibytes(summary.peakBytes)],
  ]
  return formatTable(
    [
      { heading: '', text: ([name]) => name, left: true },
      { heading: 'base', text: ([, value]) => value },
      { heading: 'after GRPO', text: ([, , value]) => value },
    ],
    rows,
  )
}

function estimate({ value, low, high }: Estimate): string {
  const bounds = low === null || high === null ? '' : ` (${(100 * low).toFixed(1)}-${(100 * high).toFixed(1)})`
  return `${(100 * value).toFixed(1)} %${bounds}`
}

/** A problem that the base model got wrong and the trained one right, if possible by correcting itself, with both answers. */
export function chooseTraces(
  evaluation: Evaluation,
): { question: string; answer: string; base: Trace; trained: Trace } | null {
  const [before, after] = evaluation.policies.map(({ sampled }) => sampled!)
  const candidates = evaluation.problems.flatMap(({ question, answer }, i) => {
    const base = before!.completions[i]!.find(({ correct }) => !correct)
    // A trace that corrects itself shows most.
    const right = after!.completions[i]!.filter(({ correct }) => correct)
    const trained = right.find(({ text }) => text.includes('Wait')) ?? right[0]
    return base && trained ? [{ question, answer, base, trained }] : []
  })
  return candidates.find(({ trained }) => trained.text.includes('Wait')) ?? candidates[0] ?? null
}

/** Two texts in columns beside each other, each with a heading. */
export function sideBySide(left: readonly [string, string], right: readonly [string, string], columns: number): string {
  const width = Math.max(20, Math.floor((columns - 3) / 2))
  const cells = [left, right].map(([heading, text]) => [heading, '-'.repeat(heading.length), ...wrap(text, width)])
  const height = Math.max(...cells.map(({ length }) => length))
  return Array.from({ length: height }, (_, line) =>
    `${(cells[0]![line] ?? '').padEnd(width)}   ${cells[1]![line] ?? ''}`.trimEnd(),
  ).join('\n')
}

/** Lines of at most so many characters, broken between words. */
function wrap(text: string, width: number): string[] {
  return text.split('\n').flatMap((line) => {
    const lines: string[] = ['']
    for (const word of line.split(' ')) {
      const last = lines.at(-1)!
      if (last === '') lines[lines.length - 1] = word
      else if (last.length + 1 + word.length <= width) lines[lines.length - 1] = `${last} ${word}`
      else lines.push(word)
    }
    return lines
  })
}
