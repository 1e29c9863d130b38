import type { MetricsLine } from '../run/metricsFile.js'
import { rounded } from './values.js'

/** The lines of metrics.jsonl by their steps. */
export class MetricsLog {
  #lines: MetricsLine[] = []

  get lines(): readonly MetricsLine[] {
    return this.#lines
  }

  /** Takes a line; one of an earlier step, of a run that was resumed from there, replaces what came after. */
  add(line: MetricsLine): void {
    const { step } = line
    if ((this.#lines.at(-1)?.step ?? -Infinity) >= step) this.#lines = this.#lines.filter((other) => other.step < step)
    const metrics = Object.entries(line).map(([name, value]) => [name, value === null ? null : rounded(value)] as const)
    this.#lines.push({ ...Object.fromEntries(metrics), step })
  }
}
