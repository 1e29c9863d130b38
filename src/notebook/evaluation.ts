import { describeComparison } from '../eval/verdict.js'
import type { DecodingResult, Estimate, Evaluation } from '../run/evaluation.js'
import { evaluationReport } from '../report/evaluationReport.js'
import { formatNumber, formatPoints, formatSigned } from '../report/page/format.js'
import { plots } from './charts/plot.js'
import type { Layout, Trace } from './charts/figure.js'
import { markdown } from './html.js'
import { table } from './table.js'

/** How an evaluation is shown. */
export interface EvaluationOptions {
  /** Further rows of the table, such as `{ 'training time': ['–', '83 s'] }`: a text for each policy. Defaults to none. */
  rows?: Readonly<Record<string, readonly string[]>>
}

/**
 * Shows an evaluation: a table of what was measured of the first and the last policy with the differences, what follows from it in
 * words, and charts of the accuracy by difficulty and of pass@k, where there is more than one point.
 */
export function evaluation(shown: Evaluation, options: EvaluationOptions = {}): void {
  const { comparisons, baseName, trainedName, description } = evaluationReport(shown)
  const names = trainedName === null ? [baseName] : [baseName, trainedName]
  const decodings = new Set(comparisons.map(({ decoding }) => decoding))
  const measured = comparisons.map(({ label, decoding, unit, base, trained, difference }) => {
    const [was, is] = [formatEstimate(base, unit), formatEstimate(trained, unit)]
    const values = trainedName === null ? [was] : [was, is]
    return row(decodings.size > 1 ? `${label}, ${decoding}` : label, values, {
      difference:
        difference === null ? null : unit === 'share' ? formatPoints(difference.value) : formatSigned(difference.value),
    })
  })
  const more = Object.entries(options.rows ?? {}).map(([label, values]) => row(label, values, { difference: null }))
  table([...measured, ...more], { caption: description, limit: 50 })
  const pair = shown.comparisons.find(({ baseline, policy }) => baseline === baseName && policy === trainedName)
  if (pair) markdown(describeComparison(pair, shown.settings).join('  \n'))
  const charts = chartsOf(shown)
  if (charts.length > 0) plots(charts)

  function row(
    label: string,
    values: readonly string[],
    rest: Record<string, string | null>,
  ): Record<string, string | null> {
    return {
      '': label,
      ...Object.fromEntries(names.map((name, i) => [name, values[i] ?? null])),
      ...(trainedName !== null && rest),
    }
  }
}

/**
 * Shows several evaluations of the same two policies, a row for each: how often the first and the last one are right, and what a paired
 * test says of the difference.
 */
export function evaluations(shown: Readonly<Record<string, Evaluation>>): void {
  table(
    Object.entries(shown).map(([what, { policies, comparisons, problems }]) => {
      const [first, last] = [policies[0]!, policies.at(-1)!]
      const [before, after] = [first, last].map((policy) => policy.sampled ?? policy.greedy)
      const pair = comparisons.find(({ baseline, policy }) => baseline === first.name && policy === last.name)
      const strict = (pair?.sampled ?? pair?.greedy)?.strict
      return {
        problems: what,
        number: problems.length,
        [first.name]: formatEstimate(before?.accuracy ?? null, 'share'),
        [last.name]: formatEstimate(after?.accuracy ?? null, 'share'),
        difference: strict ? formatPoints(strict.difference.value) : null,
        p: strict?.pValue ?? null,
      }
    }),
    { caption: 'Right answers; in brackets 95 % intervals' },
  )
}

/** `81.2 % (78.9 to 83.4)`; a dash for what was not measured. */
function formatEstimate(estimate: Estimate | null, unit: 'share' | 'number'): string {
  if (estimate === null) return '–'
  const { value, low, high } = estimate
  const number = (one: number): string => (unit === 'share' ? (100 * one).toFixed(1) : formatNumber(one))
  const bounds = low === null || high === null ? '' : ` (${number(low)} to ${number(high)})`
  return `${number(value)}${unit === 'share' ? ' %' : ''}${bounds}`
}

function chartsOf({ policies }: Evaluation): { data: Trace[]; layout: Layout }[] {
  const results = policies.flatMap(({ name, sampled, greedy }) => {
    const result = sampled ?? greedy
    return result ? [{ name, result }] : []
  })
  const charts = [
    {
      data: results.map(({ name, result }) => byDifficulty(name, result)),
      layout: {
        title: 'Right answers by difficulty',
        xaxis: { title: 'difficulty' },
        yaxis: { range: [0, 1] as const },
      },
    },
    {
      data: results.map(({ name, result: { passAtK } }): Trace => ({
        name,
        mode: 'lines+markers',
        x: passAtK.map(({ k }) => k),
        y: passAtK.map(({ strict }) => strict.value),
      })),
      layout: { title: 'pass@k: one of k answers is right', xaxis: { title: 'k' }, yaxis: { range: [0, 1] as const } },
    },
  ]
  return charts.filter(({ data }) => data.some(({ y }) => y.length > 1))
}

function byDifficulty(name: string, { byDifficulty: levels }: DecodingResult): Trace {
  const value = ({ accuracy }: (typeof levels)[number]): number => accuracy.value
  return {
    type: 'bar',
    name,
    x: levels.map(({ difficulty, problems }) => `${difficulty} (${problems} problems)`),
    y: levels.map(value),
    error_y: {
      array: levels.map((level) => (level.accuracy.high ?? value(level)) - value(level)),
      arrayminus: levels.map((level) => value(level) - (level.accuracy.low ?? value(level))),
    },
  }
}
