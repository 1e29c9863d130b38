/** One line of the report: how a quantity of a reference file came out. */
export interface Row {
  readonly quantity: string
  /** `unsupported`: there is no implementation to compare yet; `unknown`: no part of the run knows the file. */
  readonly status: 'pass' | 'fail' | 'unsupported' | 'unknown'
  readonly absoluteError?: number
  /** The largest absolute error divided by the largest magnitude expected. */
  readonly relativeError?: number
  readonly tolerance?: string
  /** Why it failed or is not supported. */
  readonly note?: string
}

/** How far a number may be from the expected one. */
export interface Tolerance {
  readonly limit: number
  /** `max`: times the largest magnitude expected of the quantity; `max(1, x)`: times the magnitude expected or 1. */
  readonly per: 'number' | 'max' | 'max(1, x)'
}

export const absolute = (limit: number): Tolerance => ({ limit, per: 'number' })
export const ofLargest = (limit: number): Tolerance => ({ limit, per: 'max' })
export const ofOneOrMore = (limit: number): Tolerance => ({ limit, per: 'max(1, x)' })

/** Compares numbers place by place. NaN equals NaN, an infinity itself. */
export function compareNumbers(
  quantity: string,
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  tolerance: Tolerance,
): Row {
  if (expected.length === 0) return { quantity, status: 'fail', note: 'there is nothing to compare' }
  if (actual.length !== expected.length) {
    return { quantity, status: 'fail', note: `${actual.length} numbers, expected ${expected.length}` }
  }
  const largest = Array.from(expected).reduce((max, x) => (Number.isFinite(x) ? Math.max(max, Math.abs(x)) : max), 0)
  const { worst, error, passes } = worstError(actual, expected, tolerance, largest)
  return {
    quantity,
    status: passes ? 'pass' : 'fail',
    absoluteError: error,
    relativeError: error === 0 ? 0 : error / largest,
    tolerance: tolerance.limit.toExponential() + (tolerance.per === 'number' ? '' : ` · ${tolerance.per}`),
    ...(passes ? {} : { note: `number ${worst} is ${actual[worst]!}, expected ${expected[worst]!}` }),
  }
}

/** The place with the largest error for its tolerance, the largest absolute error, and whether all are within tolerance. */
function worstError(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  { limit, per }: Tolerance,
  largest: number,
): { worst: number; error: number; passes: boolean } {
  let worst = 0
  let worstExcess = -Infinity
  let error = 0
  for (let i = 0; i < expected.length; i++) {
    const distance = distanceOf(actual[i]!, expected[i]!)
    const magnitude = Number.isFinite(expected[i]) ? Math.abs(expected[i]!) : 0
    const scale = per === 'number' ? 1 : per === 'max' ? largest : Math.max(1, magnitude)
    const excess = distance - limit * scale
    if (excess > worstExcess) {
      worstExcess = excess
      worst = i
    }
    error = Math.max(error, distance)
  }
  return { worst, error, passes: worstExcess <= 0 }
}

function distanceOf(actual: number, expected: number): number {
  if (Object.is(actual, expected)) return 0
  const error = Math.abs(actual - expected)
  return Number.isNaN(error) ? Infinity : error
}

/** Compares the expected entries of a record; others may be there too. */
export function compareRecord(
  quantity: string,
  actual: Readonly<Record<string, number>>,
  expected: Readonly<Record<string, number>>,
  tolerance: Tolerance,
): Row {
  const names = Object.keys(expected)
  if (names.length === 0) return { quantity, status: 'fail', note: 'there is nothing to compare' }
  const missing = names.filter((name) => !(name in actual))
  if (missing.length > 0) return { quantity, status: 'fail', note: `missing: ${missing.join(', ')}` }
  const rows = names.map((name) => compareNumbers(quantity, [actual[name]!], [expected[name]!], tolerance))
  const failed = names.filter((_, i) => rows[i]!.status === 'fail')
  const errors = names.map((name) => distanceOf(actual[name]!, expected[name]!))
  return {
    quantity,
    status: failed.length > 0 ? 'fail' : 'pass',
    absoluteError: Math.max(0, ...errors),
    relativeError: Math.max(0, ...rows.map((row) => row.relativeError!)),
    tolerance: rows[0]!.tolerance!,
    ...(failed.length > 0
      ? { note: failed.map((name) => `${name} is ${actual[name]!}, expected ${expected[name]!}`).join('; ') }
      : {}),
  }
}

/** Compares texts, lists of ids and the like, one by one, by their JSON. */
export function compareExactly(quantity: string, actual: readonly unknown[], expected: readonly unknown[]): Row {
  if (expected.length === 0) return { quantity, status: 'fail', note: 'there is nothing to compare' }
  const count = Math.max(actual.length, expected.length)
  const wrong = Array.from({ length: count }, (_, i) => i).filter(
    (i) => JSON.stringify(actual[i]) !== JSON.stringify(expected[i]),
  )
  if (wrong.length === 0) return { quantity, status: 'pass', tolerance: 'exact' }
  const show = (value: unknown): string => (value === undefined ? 'nothing' : JSON.stringify(value).slice(0, 80))
  const [first] = wrong
  const note = `${wrong.length} of ${count} differ, first number ${first!}: ${show(actual[first!])}, expected ${show(expected[first!])}`
  return { quantity, status: 'fail', tolerance: 'exact', note }
}

/** Logits against those of a reference; not compared on an engine that gives none. */
export function compareLogits(
  quantity: string,
  found: Float32Array | null,
  expected: ArrayLike<number>,
  tolerance: Tolerance,
): Row {
  if (found) return compareNumbers(quantity, found, expected, tolerance)
  return unsupported(quantity, 'the engine gives log-probabilities only')
}

/** Says that there is nothing to compare with yet. */
export function unsupported(quantity: string, reason: string): Row {
  return { quantity, status: 'unsupported', note: reason }
}
