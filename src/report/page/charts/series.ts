import type { Series } from '../run.js'

/** More points than a chart has pixels only make it slow. */
const MOST_POINTS = 1500

/** Means of neighbouring points, so that at most 1,500 are left. */
export function thinned(series: Series): Series {
  const size = Math.ceil(series.steps.length / MOST_POINTS)
  if (size <= 1) return series
  const starts = Array.from({ length: Math.ceil(series.steps.length / size) }, (_, i) => i * size)
  return {
    steps: starts.map((start) => series.steps[Math.min(start + (size >> 1), series.steps.length - 1)]!),
    values: starts.map((start) => meanOf(series.values.slice(start, start + size))),
  }
}

/** Mean over a window of a tenth of the steps around each step; null when there are too few steps to smooth. */
export function smoothed({ steps, values }: Series): Series | null {
  const radius = Math.floor(steps.length / 20)
  if (radius < 1) return null
  return { steps, values: values.map((_, i) => meanOf(values.slice(Math.max(0, i - radius), i + radius + 1))) }
}

/** Means of the first and the last tenth, at least one point each; null when there are fewer than two points. */
export function firstAndLast(series: Series): { first: number; last: number; count: number } | null {
  const values = series.values.filter((value) => value !== null)
  if (values.length < 2) return null
  const count = Math.max(1, Math.floor(values.length / 10))
  return { first: meanOf(values.slice(0, count))!, last: meanOf(values.slice(-count))!, count }
}

/** Mean of the values that are not null; null when all are. */
export function meanOf(values: readonly (number | null)[]): number | null {
  let sum = 0
  let count = 0
  for (const value of values) {
    if (value === null) continue
    sum += value
    count++
  }
  // Means of equal values stay equal: on an axis over their rounding errors Plotly fails.
  return count === 0 ? null : Number((sum / count).toPrecision(9))
}
