import type { MetricsLine } from '../../run/metricsFile.js'
import type { CompletionGroup, ReportData, ReportUpdate, LiveStatus, StepRewards } from '../reportData.js'

/** The run that the page shows: what was embedded in the page, and what came since. */
export class Run {
  readonly data: ReportData
  metrics: readonly MetricsLine[]
  steps: readonly StepRewards[]
  groups: readonly CompletionGroup[]
  rewardNames: readonly string[]
  groupsLeftOut: number
  notes: ReportData['notes']
  evaluation: ReportData['evaluation']
  /** Null in a file, which does not know whether the run goes on. */
  status: LiveStatus | null = null
  #names: { of: readonly MetricsLine[]; names: readonly string[] } = { of: [], names: [] }
  readonly #listeners: (() => void)[] = []

  constructor(data: ReportData) {
    this.data = data
    this.metrics = data.metrics
    this.steps = data.steps
    this.groups = data.groups
    this.rewardNames = data.rewardNames
    this.groupsLeftOut = data.groupsLeftOut
    this.notes = data.notes
    this.evaluation = data.evaluation
  }

  /** Calls `listener` after each update that brought something to show. */
  onChange(listener: () => void): void {
    this.#listeners.push(listener)
  }

  apply(update: ReportUpdate): void {
    const isNew =
      update.metrics.length + update.steps.length + update.groups.length > 0 ||
      update.evaluation !== null ||
      update.status.maxSteps !== this.status?.maxSteps ||
      JSON.stringify(update.notes) !== JSON.stringify(this.notes)
    this.status = update.status
    this.metrics = [...this.metrics, ...update.metrics]
    this.steps = [...this.steps, ...update.steps]
    this.groups = [...this.groups, ...update.groups]
    this.rewardNames = update.rewardNames
    this.groupsLeftOut = update.groupsLeftOut
    this.notes = update.notes
    this.evaluation = update.evaluation ?? this.evaluation
    if (isNew) for (const listener of this.#listeners) listener()
  }

  get lastStep(): number | null {
    return this.metrics.at(-1)?.step ?? this.steps.at(-1)?.step ?? null
  }

  /** Names of all metrics of the run, in the order of their first appearance. */
  metricNames(): readonly string[] {
    if (this.#names.of !== this.metrics) {
      const names = new Set(this.metrics.flatMap((line) => Object.keys(line)))
      names.delete('step')
      this.#names = { of: this.metrics, names: [...names] }
    }
    return this.#names.names
  }

  /** The values of a metric at the steps that have it. */
  series(name: string): Series {
    const lines = this.metrics.filter((line) => line[name] !== undefined)
    return { steps: lines.map(({ step }) => step), values: lines.map((line) => line[name] ?? null) }
  }

  /** A value of each step's rewards. */
  stepSeries(value: (step: StepRewards) => number | null): Series {
    return { steps: this.steps.map(({ step }) => step), values: this.steps.map(value) }
  }
}

/** Values over the steps of a run; null for what was not a finite number. */
export interface Series {
  readonly steps: readonly number[]
  readonly values: readonly (number | null)[]
}
