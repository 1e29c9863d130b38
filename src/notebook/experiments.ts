import { mean } from '../grpo/metrics/statistics.js'
import { formatNumber } from '../report/page/format.js'
import { plots } from './charts/plot.js'
import type { Experiment } from './experiment.js'
import { findings } from './findings.js'
import { table } from './table.js'

/** Steps at either end of an experiment whose mean the table shows. */
const STEPS = 5

/**
 * Shows experiments beside each other: a chart for each metric with a curve for each experiment, a table with the means of the first
 * and of the last five steps and with what the diagnosis found, and its findings in full.
 * @param metrics metrics with their titles, such as `{ reward: 'Reward' }`
 */
export function experiments(shown: readonly Experiment[], metrics: Readonly<Record<string, string>>): void {
  plots(
    Object.entries(metrics).map(([metric, title]) => ({
      data: shown.map((one) => ({ name: one.name, x: one.steps.map(({ step }) => step), y: seriesOf(one, metric) })),
      layout: { title, xaxis: { title: 'step' }, height: 260 },
    })),
  )
  table(
    shown.map((one) => ({
      experiment: one.name,
      ...Object.fromEntries(Object.entries(metrics).map(([metric, title]) => [title, fromTo(seriesOf(one, metric))])),
      diagnosis: one.findings.length === 0 ? 'nothing' : [...new Set(one.findings.map(({ name }) => name))].join(', '),
    })),
    { caption: `Means of the first and of the last ${STEPS} steps` },
  )
  for (const { name, findings: found } of shown) if (found.length > 0) findings(found, name)
}

function seriesOf({ steps }: Experiment, metric: string): (number | null)[] {
  return steps.map(
    ({ metrics }) => (metrics as unknown as Readonly<Record<string, number | undefined>>)[metric] ?? null,
  )
}

function fromTo(series: readonly (number | null)[]): string {
  return [series.slice(0, STEPS), series.slice(-STEPS)].map((some) => formatNumber(mean(some))).join(' → ')
}
