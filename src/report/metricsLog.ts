import type { MetricsLine } from './reportData.js'
import { asNumber, asObject, rounded } from './values.js'

/** The lines of metrics.jsonl by their steps. */
export class MetricsLog {
  #lines: MetricsLine[] = []

  get lines(): readonly MetricsLine[] {
    return this.#lines
  }

  /** Takes a line; one of an earlier step, of a run that was resumed from there, replaces what came after. */
  add(value: unknown): void {
    const fields = asObject(value)
    const step = asNumber(fields.step)
    if (step === null) return
    if ((this.#lines.at(-1)?.step ?? -Infinity) >= step) this.#lines = this.#lines.filter((line) => line.step < step)
    const metrics = Object.entries(fields).flatMap(([name, metric]): [string, number | null][] => {
      if (name === 'step') return []
      const number = asNumber(metric)
      return number === null && metric !== null ? [] : [[name, number === null ? null : rounded(number)]]
    })
    this.#lines.push({ ...Object.fromEntries(metrics), step })
  }
}
