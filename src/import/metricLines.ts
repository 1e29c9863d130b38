import type { MetricsLine } from '../run/metricsFile.js'

/**
 * Metrics as an engine logs them, in any order of names, as lines of a run: what it says of the same step comes together, and a step
 * before the last one, of an engine that was resumed from there, takes the place of all from it on.
 */
export class MetricLines {
  readonly #lines = new Map<number, Record<string, number | null>>()
  #last = -Infinity
  /** Steps that an engine logged and, after it was resumed, made again. */
  madeAgain = 0

  /** Values that are neither numbers nor null are left out; NaN and infinities become null. */
  add(step: number, values: Readonly<Record<string, unknown>>): void {
    if (step < this.#last) {
      const again = [...this.#lines.keys()].filter((other) => other >= step)
      for (const other of again) this.#lines.delete(other)
      this.madeAgain += again.length
    }
    this.#last = step
    const numbers = Object.entries(values).flatMap(([name, value]): (readonly [string, number | null])[] => {
      if (typeof value === 'number') return [[name, Number.isFinite(value) ? value : null]]
      return value === null ? [[name, null]] : []
    })
    if (numbers.length === 0) return
    this.#lines.set(step, { ...this.#lines.get(step), ...Object.fromEntries(numbers) })
  }

  /** In the order of the steps. */
  lines(): MetricsLine[] {
    return [...this.#lines].toSorted(([a], [b]) => a - b).map(([step, values]) => ({ ...values, step }))
  }
}
