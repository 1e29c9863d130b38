import { setMaxListeners } from 'node:events'
import { GradingError, GrpoError } from '../errors.js'
import { quote } from '../io/json.js'
import { untilAborted } from '../io/untilAborted.js'
import { runUserCode } from '../io/userCode.js'
import { RewardTimeout } from './reward.js'
import type { RewardFunction, RewardSample } from './reward.js'

/** What the reward functions said about some completions. */
export interface Scores {
  /** Null where a function does not judge a completion, took too long, or asked a grader that failed. */
  readonly values: (number | null)[][] // [completions][functions]
  /**
   * `rewards/<name>/timeouts`: completions that a function with a time limit took too long for; `rewards/<name>/grading_errors`:
   * completions that a grader failed on, where there are any.
   */
  readonly metrics: Record<string, number>
  /** What graders failed with, each message once. */
  readonly gradingErrors: readonly string[]
}

const TIMED_OUT = Symbol('timed out')
/** The square of a larger reward, or itself in single precision, would be infinite. */
const MAX_REWARD = 1e30
/** Characters of a user's error that are shown. */
const MAX_MESSAGE_LENGTH = 1000

/** Why there is no value. */
type Unscored = typeof TIMED_OUT | GradingError

/**
 * Has completions scored by all reward functions, those that are asynchronous at the same time.
 *
 * A grader that fails costs its completion: the functions that ask it judge that one not. Where it fails on all completions of
 * several problems, nothing could be learned, and its error is thrown.
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
      if (values === TIMED_OUT || values instanceof GradingError) return samples.map(() => values)
      // From JavaScript it may be anything.
      const given: unknown = values
      if (!Array.isArray(given) || given.length !== samples.length) {
        const got = Array.isArray(given) ? `${given.length} values` : quote(given)
        throw new GrpoError(`the reward function '${reward.name}' returned ${got} for ${what}; expected one for each`)
      }
      // A hole in the array is undefined, which map would pass over.
      return Array.from(values, (value, i) => check(reward, samples[i]!, value))
    }),
  )
  if (samples.length > 0 && columns.every((column) => column.every((value) => value === null))) {
    const names = rewards.map(({ name }) => `'${name}'`).join(', ')
    throw new GrpoError(
      `no reward function judges any of ${samples.length} completions: ${names} returned null for all of them; nothing can be ` +
        'learned from that',
    )
  }
  const numProblems = new Set(samples.map(({ meta }) => meta.problem.id)).size
  const metrics: Record<string, number> = {}
  const gradingErrors = new Set<string>()
  for (const [k, { name, timeout }] of rewards.entries()) {
    const column = columns[k]!
    if (timeout !== undefined) {
      metrics[`rewards/${name}/timeouts`] = column.filter((value) => value === TIMED_OUT).length
    }
    const errors = column.filter((value) => value instanceof GradingError)
    if (errors.length === 0) continue
    if (errors.length === samples.length && numProblems > 1) {
      const what = `all ${samples.length} completions of ${numProblems} problems`
      throw new GrpoError(`the reward function '${name}' failed on ${what}: ${errors[0]!.message}`, {
        cause: errors[0],
      })
    }
    metrics[`rewards/${name}/grading_errors`] = errors.length
    for (const { message } of errors) gradingErrors.add(message)
  }
  const valueOf = (value: number | null | Unscored): number | null => (isUnscored(value) ? null : value)
  return {
    values: samples.map((_, i) => columns.map((column) => valueOf(column[i]!))),
    metrics,
    gradingErrors: [...gradingErrors],
  }
}

function isUnscored(value: unknown): value is Unscored {
  return value === TIMED_OUT || value instanceof GradingError
}

async function scoreOne(
  reward: RewardFunction,
  sample: RewardSample,
  signal: AbortSignal | undefined,
): Promise<number | null | Unscored> {
  const value = await call(
    reward,
    `a completion of problem ${sample.meta.problem.id}`,
    () => reward.score(sample),
    signal,
  )
  return isUnscored(value) ? value : check(reward, sample, value)
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
    const message = cause instanceof Error ? cause.message : String(cause)
    const reason = message.length > MAX_MESSAGE_LENGTH ? `${message.slice(0, MAX_MESSAGE_LENGTH)}…` : message
    throw new GrpoError(`the reward function '${name}' failed on ${what}: ${reason}`, { cause })
  } finally {
    clearTimeout(timer)
  }
}
