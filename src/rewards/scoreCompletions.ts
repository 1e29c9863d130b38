import { setMaxListeners } from 'node:events'
import { GrpoError } from '../errors.js'
import { quote } from '../io/json.js'
import { untilAborted } from '../io/untilAborted.js'
import { runUserCode } from '../io/userCode.js'
import { RewardTimeout } from './reward.js'
import type { RewardFunction, RewardSample } from './reward.js'

/** What the reward functions said about some completions. */
export interface Scores {
  /** Null where a function does not judge a completion, or took too long. */
  readonly values: (number | null)[][] // [completions][functions]
  /** `rewards/<name>/timeouts`: completions that a function with a time limit took too long for. */
  readonly metrics: Record<string, number>
}

const TIMED_OUT = Symbol('timed out')

/**
 * Has completions scored by all reward functions, those that are asynchronous at the same time.
 *
 * Throws a GrpoError that names the function and the problem when one throws, or returns anything else than a finite number or
 * null, or a batch of another length; and the reason of the signal as soon as it is aborted.
 */
export async function scoreCompletions(
  rewards: readonly RewardFunction[],
  samples: readonly RewardSample[],
  signal?: AbortSignal,
): Promise<Scores> {
  // Every completion waits for the signal; Node takes more than ten listeners for a leak.
  if (signal) setMaxListeners(0, signal)
  const columns = await Promise.all(
    rewards.map(async (reward) => {
      if (!reward.scoreBatch) return Promise.all(samples.map((sample) => scoreOne(reward, sample, signal)))
      const what = `a batch of ${samples.length} completions`
      const values = await call(reward, what, () => reward.scoreBatch!(samples), signal)
      if (values === TIMED_OUT) return samples.map(() => TIMED_OUT)
      // From JavaScript it may be anything.
      const given: unknown = values
      if (!Array.isArray(given) || given.length !== samples.length) {
        const got = Array.isArray(given) ? `${given.length} values` : quote(given)
        throw new GrpoError(`the reward function '${reward.name}' returned ${got} for ${what}; expected one for each`)
      }
      return values.map((value, i) => check(reward, samples[i]!, value))
    }),
  )
  return {
    values: samples.map((_, i) =>
      columns.map((column) => (column[i] === TIMED_OUT ? null : (column[i] as number | null))),
    ),
    metrics: Object.fromEntries(
      rewards.flatMap(({ name, timeout }, k) =>
        timeout === undefined
          ? []
          : [[`rewards/${name}/timeouts`, columns[k]!.filter((value) => value === TIMED_OUT).length]],
      ),
    ),
  }
}

async function scoreOne(
  reward: RewardFunction,
  sample: RewardSample,
  signal: AbortSignal | undefined,
): Promise<number | null | typeof TIMED_OUT> {
  const value = await call(
    reward,
    `a completion of problem ${sample.meta.problem.id}`,
    () => reward.score(sample),
    signal,
  )
  return value === TIMED_OUT ? value : check(reward, sample, value)
}

function check(reward: RewardFunction, { meta: { problem } }: RewardSample, value: number | null): number | null {
  if (value === null || Number.isFinite(value)) return value
  throw new GrpoError(
    `the reward function '${reward.name}' returned ${quote(value)} for a completion of problem ${problem.id}; ` +
      'expected a finite number, or null for a completion that it does not judge',
  )
}

/** What a function returns, within its time limit. What it does after that is not waited for. */
async function call<T>(
  { name, timeout, keepsTimeout }: RewardFunction,
  what: string,
  body: () => T | Promise<T>,
  signal: AbortSignal | undefined,
): Promise<T | typeof TIMED_OUT> {
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
    if (signal?.aborted) throw cause
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new GrpoError(`the reward function '${name}' failed on ${what}: ${reason}`, { cause })
  } finally {
    clearTimeout(timer)
  }
}
