import { formatNumber } from '../format.js'
import type { Run, Series } from '../run.js'
import type { Palette } from './palette.js'
import { translucent } from './palette.js'
import type { Trace } from './plotly.js'
import { firstAndLast, smoothed, thinned } from './series.js'

/** A chart of the page. */
export interface Chart {
  readonly id: string
  readonly title: string
  /** What it shows and how to read it, in a sentence or two. */
  readonly explanation: string
  /** What the vertical axis counts. */
  readonly unit: string
  /** Null when the run did not record it. */
  readonly draw: (run: Run, palette: Palette) => Drawing | null
  /** Why it may be missing. */
  readonly missing: string
}

export interface Drawing {
  readonly traces: readonly Trace[]
  /** In words, for those who do not see the chart. */
  readonly summary: string
  /** The numbers. */
  readonly columns: readonly LabelledSeries[]
  /** Format of the vertical axis, as d3 writes it. */
  readonly tickFormat?: string
  readonly range?: readonly [number, number]
  /** What the values cannot fall below, for the axis of values that are all equal. */
  readonly lowest?: number
}

/** How the lines of metrics are drawn. */
export interface LineOptions extends Pick<Drawing, 'tickFormat' | 'range' | 'lowest'> {
  /** The values are what was set, not what was measured: no running mean over them. Defaults to false. */
  readonly isExact?: boolean
}

export interface LabelledSeries extends Series {
  readonly label: string
  /** What other values are held against: a dotted line in the colour of the series in the same place. Defaults to false. */
  readonly isBound?: boolean
}

/** A chart of metrics as lines, the noisy values behind their running mean. */
export function lineChart(
  chart: Omit<Chart, 'draw'>,
  select: (run: Run) => readonly LabelledSeries[],
  { isExact = false, ...options }: LineOptions = {},
): Chart {
  return {
    ...chart,
    draw: (run, palette) => {
      const columns = select(run).filter(({ values }) => values.some((value) => value !== null))
      const [bounds, measured] = [true, false].map((isBound) =>
        columns.filter((one) => (one.isBound ?? false) === isBound),
      )
      if (measured!.length === 0) return null
      const color = (i: number): string => palette.series[i % palette.series.length]!
      return {
        ...options,
        traces: [
          ...measured!.flatMap((series, i) => lines(series, color(i), isExact)),
          ...bounds!.map((series, i) => dotted(series, color(i))),
        ],
        summary: columns.map(describe).join(' '),
        columns,
      }
    },
  }
}

/** Series of metrics under labels; those that the run does not have are left out. */
export function metricSeries(run: Run, metrics: readonly (readonly [name: string, label: string])[]): LabelledSeries[] {
  return metrics.map(([name, label]) => ({ ...run.series(name), label })).filter(({ steps }) => steps.length > 0)
}

/** The values, and over them their running mean where there are enough and they are not exact. */
export function lines({ label, ...series }: LabelledSeries, color: string, isExact = false): Trace[] {
  const mean = isExact ? null : smoothed(series)
  const points = thinned(series)
  const base = { type: 'scatter', x: points.steps, y: points.values, name: label } as const
  if (!mean) return [{ ...base, mode: points.steps.length < 60 ? 'lines+markers' : 'lines', line: { color, width: 2 } }]
  const thinMean = thinned(mean)
  return [
    {
      ...base,
      mode: 'lines',
      line: { color: translucent(color, 0.35), width: 1 },
      showlegend: false,
      hoverinfo: 'skip',
    },
    { ...base, x: thinMean.steps, y: thinMean.values, mode: 'lines', line: { color, width: 2.5 } },
  ]
}

function dotted({ label, ...series }: LabelledSeries, color: string): Trace {
  const { steps, values } = thinned(series)
  return { type: 'scatter', mode: 'lines', x: steps, y: values, name: label, line: { color, width: 1.5, dash: 'dot' } }
}

/** A filled band between two series. */
export function band(low: Series, high: Series, label: string, color: string): Trace[] {
  const [bottom, top] = [thinned(smoothed(low) ?? low), thinned(smoothed(high) ?? high)]
  const edge = { color: translucent(color, 0.5), width: 1 }
  return [
    { type: 'scatter', mode: 'lines', x: bottom.steps, y: bottom.values, name: 'worst', line: edge, showlegend: false },
    {
      type: 'scatter',
      mode: 'lines',
      x: top.steps,
      y: top.values,
      name: label,
      line: edge,
      fill: 'tonexty',
      fillcolor: translucent(color, 0.16),
    },
  ]
}

/** `Mean reward: 0.31 in the first 20 steps, 0.78 in the last 20.` */
export function describe({ label, ...series }: LabelledSeries): string {
  const ends = firstAndLast(series)
  if (!ends) return `${label}: ${formatNumber(series.values.find((value) => value !== null))}.`
  const stretch = ends.count === 1 ? ['first step', 'last'] : [`first ${ends.count} steps`, `last ${ends.count}`]
  return `${label}: ${formatNumber(ends.first)} in the ${stretch[0]!}, ${formatNumber(ends.last)} in the ${stretch[1]!}.`
}
