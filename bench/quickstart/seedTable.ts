import type { QuickstartSummary } from '../../src/cli/quickstart/summary.js'
import { percent } from '../../src/io/units.js'
import { describeGoal, goals, missed, written } from './goals.js'
import type { Unit } from './goals.js'
import { markdownTable } from './markdown.js'
import { problemSet } from './problemSets.js'

/** One figure of a run, before and after its training. */
interface Measure {
  readonly name: string
  readonly description: string
  readonly unit: Unit
  /** Null for what only a training has. */
  readonly base: ((run: QuickstartSummary) => number | null) | null
  readonly trained: (run: QuickstartSummary) => number | null
  /** The goal is for the run that is worst, not for the mean. */
  readonly ofWorst?: true
}

/** The table over all seeds: base, mean and range after GRPO and after the placebo, the goals, and what of them is missed. */
export function seedTable(runs: readonly QuickstartSummary[]): string {
  const [trained, placebo] = [runs.filter((run) => !run.placebo), runs.filter((run) => run.placebo)]
  const rows = measuresOf(runs[0]!).map((measure) => {
    const { name, description, unit, ofWorst } = measure
    const base = measure.base ? meanOf(runs, measure.base) : null
    const after = valuesOf(trained, measure.trained)
    const mean = { base, trained: meanOf(trained, measure.trained), placebo: meanOf(placebo, measure.trained) }
    const goal = goals[name]
    const judged = goal && mean.trained !== null
    const found = judged ? missed(goal, unit, { ...mean, trained: ofWorst ? Math.max(...after) : mean.trained! }) : null
    return [
      description,
      base === null ? '' : written(base, unit),
      meanAndRange(after, unit),
      meanAndRange(valuesOf(placebo, measure.trained), unit),
      goal ? describeGoal(goal, unit) : '',
      found === null ? '' : found.length === 0 ? 'met' : `not met: ${found.join('; ')}`,
    ]
  })
  return markdownTable(['mean (range)', 'base', 'after GRPO', 'after the placebo', 'goal', 'met?'], rows)
}

/** A row for each run, before → after. */
export function runTable(runs: readonly QuickstartSummary[]): string {
  const measures = measuresOf(runs[0]!)
  const sorted = runs.toSorted((a, b) => Number(a.placebo) - Number(b.placebo) || a.seed - b.seed)
  const rows = sorted.map((run) => [
    `${run.placebo ? 'placebo' : 'GRPO'}, seed ${run.seed}`,
    ...measures.map(({ base, trained, unit }) => {
      const [before, after] = [base?.(run) ?? null, trained(run)]
      return [before, after].flatMap((value) => (value === null ? [] : [written(value, unit)])).join(' → ')
    }),
    run.pValue < 0.0001 ? '< 0.0001' : run.pValue.toFixed(4),
  ])
  return markdownTable(['run', ...measures.map(({ description }) => description), 'p, standard'], rows)
}

/** How many answers the figures rest on. */
export function describeRuns([run]: readonly QuickstartSummary[], harderProblems: number): string {
  const { problems, samples, base } = run!
  const { low, high } = base.accuracy
  const interval = low === null || high === null ? '' : ` (the base: ${percent(low, 1)} to ${percent(high, 1)})`
  return (
    `${problems} held-out problems of the standard set with ${samples} sampled answers each${interval}, ${harderProblems} of each harder ` +
    'set with one answer each, at temperature 1. The base is the same in every run; the placebo is trained as long, with random rewards.'
  )
}

function measuresOf(run: QuickstartSummary): Measure[] {
  return [
    {
      name: 'standard',
      description: 'standard problems',
      unit: 'share',
      base: ({ base }) => base.accuracy.value,
      trained: ({ trained }) => trained.accuracy.value,
    },
    ...Object.keys(run.harder).map((name): Measure => ({
      name,
      description: problemSet(name).description,
      unit: 'share',
      base: ({ harder }) => harder[name]!.base,
      trained: ({ harder }) => harder[name]!.trained,
    })),
    beforeAfter('steps', 'reasoning steps', 'number', ({ steps }) => steps),
    beforeAfter('self-correction', 'correct themselves', 'share', ({ selfCorrecting }) => selfCorrecting),
    beforeAfter('equations', 'calculations right', 'share', ({ correctEquations }) => correctEquations),
    beforeAfter('tokens', 'tokens an answer', 'number', ({ tokens }) => tokens),
    {
      name: 'training seconds',
      description: 'training',
      unit: 'seconds',
      base: null,
      trained: ({ trainingSeconds }) => trainingSeconds,
    },
    {
      name: 'total seconds',
      description: 'in all',
      unit: 'seconds',
      base: null,
      trained: ({ totalSeconds }) => totalSeconds,
      ofWorst: true,
    },
  ]
}

function beforeAfter(
  name: string,
  description: string,
  unit: Unit,
  of: (policy: QuickstartSummary['base']) => number | null,
): Measure {
  return { name, description, unit, base: ({ base }) => of(base), trained: ({ trained }) => of(trained) }
}

function valuesOf(runs: readonly QuickstartSummary[], of: (run: QuickstartSummary) => number | null): number[] {
  return runs.map(of).filter((value) => value !== null)
}

function meanOf(runs: readonly QuickstartSummary[], of: (run: QuickstartSummary) => number | null): number | null {
  const values = valuesOf(runs, of)
  return values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0) / values.length
}

function meanAndRange(values: readonly number[], unit: Unit): string {
  if (values.length === 0) return ''
  const mean = written(values.reduce((sum, value) => sum + value, 0) / values.length, unit)
  if (values.length === 1) return mean
  const text = (value: number): string => written(value, unit).replace(/ [%s]$/, '')
  return `${mean} (${text(Math.min(...values))}-${text(Math.max(...values))})`
}
