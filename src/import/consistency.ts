import type { MetricsLine } from '../run/metricsFile.js'

/** Share by which what an engine logged may differ from what its completions tell: it computes in float32. */
const TOLERANCE = 1e-3

/** Compares what an engine logged of a step with what the completions tell that it kept, and says in how many steps they differ. */
export class Consistency {
  #compared = 0
  #rewards = 0
  #lengths = 0

  /** `logged` has to be of this step alone. */
  compare(logged: MetricsLine, told: Readonly<Record<string, number>>): void {
    const differ = (name: string): boolean => {
      const [a, b] = [logged[name], told[name]]
      if (a === undefined || a === null || b === undefined || !Number.isFinite(b)) return false
      return Math.abs(a - b) > TOLERANCE * Math.max(1, Math.abs(a))
    }
    this.#compared++
    if (differ('reward')) this.#rewards++
    if (differ('completions/mean_length') || differ('completions/clipped_ratio')) this.#lengths++
  }

  /** What does not fit, in sentences. */
  get notes(): string[] {
    const of = (count: number): string => `in ${count} of ${this.#compared} steps`
    return [
      this.#rewards > 0 &&
        `${of(this.#rewards)} the mean reward that the engine logged is not that of the completions, so the weights of the rewards are ` +
          'others than those of the configuration, or completions are missing; reward in completions.jsonl is by the configuration',
      this.#lengths > 0 &&
        `${of(this.#lengths)} the mean length or the share cut off that the engine logged is not that of the texts tokenized again: take ` +
          'those of metrics.jsonl',
    ].filter((note) => note !== false)
  }
}
