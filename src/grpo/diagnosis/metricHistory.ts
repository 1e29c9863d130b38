import { mean, standardDeviation } from '../metrics/statistics.js'

/** The metrics of a run's steps, each as a series; values that are not finite numbers are left out of the series. */
export class MetricHistory {
  readonly #series = new Map<string, number[]>()
  /** The metrics of the last step as they came. */
  last: Readonly<Record<string, number | null | undefined>> = {}

  add(metrics: Readonly<Record<string, number | null | undefined>>): void {
    this.last = metrics
    for (const [name, value] of Object.entries(metrics)) {
      if (value === null || value === undefined || !Number.isFinite(value)) continue
      const series = this.#series.get(name)
      if (series) series.push(value)
      else this.#series.set(name, [value])
    }
  }

  names(): string[] {
    return [...this.#series.keys()]
  }

  /** All values of a metric, oldest first. */
  all(name: string): readonly number[] {
    return this.#series.get(name) ?? []
  }

  /** The last `count` values of a metric; null when there are fewer. */
  recent(name: string, count: number): number[] | null {
    const values = this.all(name)
    return values.length < count ? null : values.slice(-count)
  }

  /** The first and the last `count` values of a metric; null when these would overlap. */
  ends(name: string, count: number): { first: number[]; last: number[] } | null {
    const values = this.all(name)
    return values.length < 2 * count ? null : { first: values.slice(0, count), last: values.slice(-count) }
  }
}

/**
 * How much a metric rose between two stretches of steps, and the standard error of that: two standard errors are what chance
 * does in one run of twenty.
 */
export function change({ first, last }: { first: readonly number[]; last: readonly number[] }): {
  readonly from: number
  readonly to: number
  readonly by: number
  readonly standardError: number
} {
  const [from, to] = [mean(first), mean(last)]
  const variance = standardDeviation(first) ** 2 / first.length + standardDeviation(last) ** 2 / last.length
  return { from, to, by: to - from, standardError: Math.sqrt(variance) }
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}
