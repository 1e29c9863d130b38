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

/** How far the numbers of a quantity may be from the expected ones, all of them together. */
export interface Tolerance {
  readonly limit: number
  /** `max`: times the largest magnitude expected; `max(1, x)`: times that or 1, if it is smaller. */
  readonly per: 'number' | 'max' | 'max(1, x)'
}

export const absolute = (limit: number): Tolerance => ({ limit, per: 'number' })
export const ofLargest = (limit: number): Tolerance => ({ limit, per: 'max' })
export const ofLargestOrOne = (limit: number): Tolerance => ({ limit, per: 'max(1, x)' })

/** Compares numbers place by place. NaN equals NaN, an infinity itself. */
export function compareNumbers(
  quantity: string,
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  tolerance: Tolerance,
): Row {
  if (actual.length !== expected.length) {
    return { quantity, status: 'fail', note: `${actual.length} numbers, expected ${expected.length}` }
  }
  let absoluteError = 0
  let worst = 0
  let largest = 0
  for (let i = 0; i < expected.length; i++) {
    const error = distance(actual[i]!, expected[i]!)
    if (error > absoluteError) {
      absoluteError = error
      worst = i
    }
    if (Number.isFinite(expected[i])) largest = Math.max(largest, Math.abs(expected[i]!))
  }
  const scale = { number: 1, max: largest, 'max(1, x)': Math.max(1, largest) }[tolerance.per]
  const passes = absoluteError <= tolerance.limit * scale
  return {
    quantity,
    status: passes ? 'pass' : 'fail',
    absoluteError,
    relativeError: absoluteError === 0 ? 0 : absoluteError / largest,
    tolerance: tolerance.limit.toExponential() + (tolerance.per === 'number' ? '' : ` of ${tolerance.per}`),
    ...(passes ? {} : { note: `number ${worst} of ${expected.length} is ${actual[worst]!}, expected ${expected[worst]!}` }),
  }
}

function distance(actual: number, expected: number): number {
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
  const missing = names.filter((name) => !(name in actual))
  if (missing.length > 0) return { quantity, status: 'fail', note: `missing: ${missing.join(', ')}` }
  const values = (record: Readonly<Record<string, number>>): number[] => names.map((name) => record[name]!)
  const row = compareNumbers(quantity, values(actual), values(expected), tolerance)
  if (row.status === 'pass') return row
  const errors = names.map((name) => distance(actual[name]!, expected[name]!))
  const name = names[errors.indexOf(Math.max(...errors))]!
  return { ...row, note: `${name} is ${actual[name]!}, expected ${expected[name]!}` }
}

/** Compares texts, lists of ids and the like, one by one, by their JSON. */
export function compareExactly(quantity: string, actual: readonly unknown[], expected: readonly unknown[]): Row {
  const count = Math.max(actual.length, expected.length)
  const wrong = Array.from({ length: count }, (_, i) => i).filter(
    (i) => JSON.stringify(actual[i]) !== JSON.stringify(expected[i]),
  )
  if (wrong.length === 0) return { quantity, status: 'pass', tolerance: 'exact' }
  const show = (value: unknown): string => (JSON.stringify(value) ?? 'nothing').slice(0, 80)
  const [first] = wrong
  const note = `${wrong.length} of ${count} differ, first number ${first!}: ${show(actual[first!])}, expected ${show(expected[first!])}`
  return { quantity, status: 'fail', tolerance: 'exact', note }
}

/** Says that there is nothing to compare with yet. */
export function unsupported(quantity: string, reason: string): Row {
  return { quantity, status: 'unsupported', note: reason }
}
