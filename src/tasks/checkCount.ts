import { ConfigError } from '../errors.js'

/** Throws a {@link ConfigError} unless the option is an integer from `minimum` on. */
export function checkCount(option: string, value: number, minimum: number): void {
  if (!Number.isSafeInteger(value) || value < minimum) {
    throw new ConfigError(`${option} is ${value}; it must be an integer from ${minimum} on`)
  }
}
