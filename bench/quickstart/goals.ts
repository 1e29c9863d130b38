import { percent } from '../../src/io/units.js'

/** What a measure is to be before training and after it; a bound that is missing is open. */
export interface Goal {
  readonly base?: Range
  readonly trained?: Range
}

interface Range {
  readonly least?: number
  readonly most?: number
}

/** How a measure is written: a share in percent, a number with a digit, or seconds. */
export type Unit = 'share' | 'number' | 'seconds'

/** What the embedded model is to reach, by the names of the measures. */
export const goals: Readonly<Record<string, Goal>> = {
  standard: { base: { least: 0.4, most: 0.5 }, trained: { least: 0.85 } },
  'unseen-wording': { base: { least: 0.2 }, trained: { least: 0.45 } },
  longer: { base: { least: 0.15 }, trained: { least: 0.4 } },
  larger: { base: { least: 0.3 }, trained: { least: 0.75 } },
  steps: { base: { most: 1 }, trained: { least: 3 } },
  'total seconds': { trained: { most: 180 } },
}

/** Furthest that the accuracy after training with random rewards may be from that of the base. */
export const PLACEBO_POINTS = 0.03

/** `40.0 % to 50.0 % → at least 85.0 %` */
export function describeGoal({ base, trained }: Goal, unit: Unit): string {
  return [base, trained].flatMap((range) => (range ? [describeRange(range, unit)] : [])).join(' → ')
}

/** What of a goal is not met, in words; empty when all of it is. */
export function missed(
  goal: Goal,
  unit: Unit,
  { base, trained, placebo }: { base: number | null; trained: number; placebo: number | null },
): string[] {
  const outside = (what: string, value: number | null, range: Range | undefined): string[] =>
    value === null || !range || within(value, range)
      ? []
      : [`${what} ${written(value, unit)}, not ${describeRange(range, unit)}`]
  const drift = placebo === null || base === null || unit !== 'share' ? 0 : placebo - base
  return [
    ...outside('base', base, goal.base),
    ...outside('trained', trained, goal.trained),
    ...(Math.abs(drift) > PLACEBO_POINTS ? [`placebo ${(100 * Math.abs(drift)).toFixed(1)} points from the base`] : []),
  ]
}

/** A value of a measure in its unit. */
export function written(value: number, unit: Unit): string {
  if (unit === 'share') return percent(value, 1)
  return unit === 'seconds' ? `${value.toFixed(0)} s` : value.toFixed(1)
}

function within(value: number, { least = -Infinity, most = Infinity }: Range): boolean {
  return value >= least && value <= most
}

function describeRange({ least, most }: Range, unit: Unit): string {
  const text = (value: number): string => (unit === 'share' ? percent(value) : written(value, unit))
  if (least !== undefined && most !== undefined) return `${text(least)} to ${text(most)}`
  return least === undefined ? `at most ${text(most!)}` : `at least ${text(least)}`
}
