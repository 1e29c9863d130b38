import { ConfigError } from '../../errors.js'
import { quote } from '../../io/json.js'

/** Throws a ConfigError for a value that is no whole number of at least `least`. */
export function checkCount(name: string, value: number, least = 0): void {
  if (Number.isSafeInteger(value) && value >= least) return
  throw new ConfigError(`${name} is ${quote(value)}; expected a whole number of at least ${least}`)
}

/** Throws a ConfigError for numbers among which one is not finite: what is computed of them would be nonsense, without a word. */
export function checkFinite(name: string, values: readonly number[]): void {
  const bad = values.findIndex((value) => !Number.isFinite(value))
  if (bad >= 0) throw new ConfigError(`${name} has ${quote(values[bad])} at ${bad}; expected finite numbers`)
}

/** Throws a ConfigError for shares that are none, or that are not all between 0 and 1. */
export function checkShares(name: string, shares: readonly number[]): void {
  if (shares.length === 0) throw new ConfigError(`${name} is empty; expected a share for each problem`)
  const bad = shares.findIndex((share) => !(share >= 0 && share <= 1))
  if (bad >= 0) throw new ConfigError(`${name} has ${quote(shares[bad])} at ${bad}; expected shares between 0 and 1`)
}
