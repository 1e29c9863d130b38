import { GradingError, GrpoError } from '../errors.js'
import { quote } from '../io/json.js'
import { thrownMessage } from '../io/thrown.js'
import { untilAborted } from '../io/untilAborted.js'
import { runUserCode } from '../io/userCode.js'
import { RewardTimeout } from './reward.js'
import type { RewardFunction, RewardSample } from './reward.js'

/** It took too long. */
export const TIMED_OUT: unique symbol = Symbol('timed out')
/** The square of a larger reward, or itself in single precision, would be infinite. */
const MAX_REWARD = 1e30
/** Characters of a user's error that are shown. */
const MAX_MESSAGE_LENGTH = 1000

/** Why there is no value. */
export type Unscored = typeof TIMED_OUT | GradingError

/** Whether there is no value. */
export function isUnscored(value: unknown): value is Unscored {
  return value === TIMED_OUT || value instanceof GradingError
}

/**
 * What a function says about one completion.
 *
 * Throws a GrpoError that names the function and the problem when it throws, or returns anything else than a finite number or null,
 * and the reason of the signal as soon as it is aborted.
 */
export async function scoreSample(
  reward: RewardFunction,
  sample: RewardSample,
  signal?: AbortSignal,
): Promise<number | null | Unscored> {
  const value = await call(
    reward,
    `a completion of problem ${sample.meta.problem.id}`,
    () => reward.score(sample),
    signal,
  )
  return isUnscored(value) ? value : check(reward, sample, value)
}

/** As {@link scoreSample}, by its `scoreBatch`. Throws as well when it returns a batch of another length. */
export async function scoreBatch(
  reward: RewardFunction,
  samples: readonly RewardSample[],
  signal?: AbortSignal,
): Promise<(number | null | Unscored)[]> {
  const what = `a batch of ${samples.length} completions`
  const values = await call(reward, what, () => reward.scoreBatch!(samples), signal)
  if (values === TIMED_OUT || values instanceof GradingError) return samples.map(() => values)
  // From JavaScript it may be anything.
  const given: unknown = values
  if (!Array.isArray(given) || given.length !== samples.length) {
    const got = Array.isArray(given) ? `${given.length} values` : quote(given)
    throw new GrpoError(`the reward function '${reward.name}' returned ${got} for ${what}; expected one for each`)
  }
  // A hole in the array is undefined, which map would pass over.
  return Array.from(values, (value, i) => check(reward, samples[i]!, value))
}

function check(reward: RewardFunction, { meta: { problem } }: RewardSample, value: number | null): number | null {
  if (value === null) return value
  if (typeof value === 'number' && Math.abs(value) <= MAX_REWARD) {
    if (Math.abs(value * reward.weight) <= MAX_REWARD) return value
    throw new GrpoError(
      `the reward function '${reward.name}' returned ${value}, which times its weight ${reward.weight} is beyond ${MAX_REWARD} and ` +
        'overflows; give it a smaller weight',
    )
  }
  throw new GrpoError(
    `the reward function '${reward.name}' returned ${quote(value)} for a completion of problem ${problem.id}; ` +
      `expected a number between -${MAX_REWARD} and ${MAX_REWARD} (larger ones overflow), or null for a completion that it does ` +
      'not judge',
  )
}

/** What a function returns, within its time limit. What it does after that is not waited for. */
async function call<T>(
  { name, timeout, keepsTimeout }: RewardFunction,
  what: string,
  body: () => T | Promise<T>,
  signal: AbortSignal | undefined,
): Promise<T | Unscored> {
  signal?.throwIfAborted()
  let timer: NodeJS.Timeout | undefined
  try {
    const result = runUserCode(`the reward function '${name}'`, body)
    if (!(result instanceof Promise)) return result
    const limits: Promise<T | typeof TIMED_OUT>[] = [result]
    if (timeout !== undefined && !keepsTimeout) {
      limits.push(
        new Promise((resolve) => {
          timer = setTimeout(() => {
            resolve(TIMED_OUT)
          }, timeout)
        }),
      )
    }
    const first = Promise.race(limits)
    return await (signal ? untilAborted(first, signal) : first)
  } catch (cause) {
    if (cause instanceof RewardTimeout) return TIMED_OUT
    if (cause instanceof GradingError) return cause
    if (signal?.aborted) throw cause
    const message = thrownMessage(cause)
    const reason = message.length > MAX_MESSAGE_LENGTH ? `${message.slice(0, MAX_MESSAGE_LENGTH)}…` : message
    throw new GrpoError(`the reward function '${name}' failed on ${what}: ${reason}`, { cause })
  } finally {
    clearTimeout(timer)
  }
}
