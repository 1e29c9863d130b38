import { z } from 'zod'
import { option, parseOptions } from '../options/schema.js'
import { MAXIMUM_TIMEOUT } from './reward.js'
import type { RewardFunction } from './reward.js'

/** What every reward takes. */
export const commonOptions = {
  weight: option(z.number(), 1, 'Factor of this reward in the total.'),
  timeout: z
    .number()
    .positive()
    .max(MAXIMUM_TIMEOUT)
    .optional()
    .describe('Milliseconds after which a score that is a promise counts as null. Defaults to none.'),
}

/**
 * Checks the options of a reward, fills in the defaults, and tells what every reward function has of them from its own.
 * @throws ConfigError that names every option that is unknown, missing, of a wrong type or out of range
 */
export function rewardOptions<Shape extends Readonly<Record<string, z.ZodType>>>(
  name: string,
  shape: Shape,
  given: object,
): readonly [Pick<RewardFunction, 'name' | 'weight' | 'timeout'>, z.output<z.ZodObject<Shape>>] {
  const options = parseOptions(`the reward ${name}`, z.strictObject({ ...commonOptions, ...shape }), given)
  const { weight, timeout } = options as z.output<z.ZodObject<typeof commonOptions>>
  return [{ name, weight, ...(timeout !== undefined && { timeout }) }, options as z.output<z.ZodObject<Shape>>]
}
