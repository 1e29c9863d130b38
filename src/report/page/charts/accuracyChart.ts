import { formatShare } from '../format.js'
import type { Run } from '../run.js'
import { describe, lines } from './chart.js'
import type { Chart, Drawing, LabelledSeries } from './chart.js'
import type { Palette } from './palette.js'
import type { Trace } from './plotly.js'

/** Metrics of the evaluations while training; see grpo/validation.ts. */
const heldOut = /^eval[_/](accuracy|reward)$/

/** Accuracy on held-out problems: what the run measured on its way, and base and trained model of eval.json at its ends. */
export const accuracyChart: Chart = {
  id: 'accuracy',
  title: 'Accuracy on held-out problems',
  explanation: 'Measured on problems that were not trained on, before and after training with 95 % intervals.',
  unit: 'share right',
  missing: 'the run evaluated no held-out problems: see grpo-ts eval',
  draw: drawAccuracy,
}

function drawAccuracy(run: Run, palette: Palette): Drawing | null {
  const names = run.metricNames()
  const measured = names.filter((name) => heldOut.test(name))
  const accuracies = measured.filter((name) => name.endsWith('accuracy'))
  const shown = (accuracies.length > 0 ? accuracies : measured).map((name): LabelledSeries => ({
    ...run.series(name),
    label: `${name.slice(5)}, while training`,
  }))
  const ends = (run.evaluation?.comparisons ?? []).filter(({ label }) => label === 'Accuracy')
  const last = run.lastStep ?? 0
  const points = ends.flatMap(({ decoding, base, trained }) => {
    const measured = [...(base ? [{ step: 0, ...base }] : []), ...(trained ? [{ step: last, ...trained }] : [])]
    return measured.length === 0 ? [] : [{ label: `evaluation, ${decoding}`, measured }]
  })
  if (shown.length === 0 && points.length === 0) return null
  const color = (i: number): string => palette.series[i % palette.series.length]!
  return {
    traces: [
      ...shown.flatMap((series, i) => lines(series, color(i))),
      ...points.slice(0, 4).map(({ label, measured }, i): Trace => ({
        type: 'scatter',
        mode: 'lines+markers',
        name: label,
        x: measured.map(({ step }) => step),
        y: measured.map(({ value }) => value),
        line: { color: color(shown.length + i), width: 1.5, dash: 'dot' },
        marker: { color: color(shown.length + i), size: 9 },
        error_y: {
          type: 'data',
          symmetric: false,
          color: color(shown.length + i),
          array: measured.map(({ value, high }) => (high ?? value) - value),
          arrayminus: measured.map(({ value, low }) => value - (low ?? value)),
        },
      })),
    ],
    summary: [
      ...shown.map(describe),
      ...points.map(
        ({ label, measured }) =>
          `${label}: ${measured.map(({ value }) => formatShare(value)).join(' before training, ')} after.`,
      ),
    ].join(' '),
    columns: [
      ...shown,
      ...points.map(({ label, measured }) => ({
        label,
        steps: measured.map(({ step }) => step),
        values: measured.map(({ value }) => value),
      })),
    ],
    tickFormat: '.0%',
  }
}
