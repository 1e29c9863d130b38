import { setMaxListeners } from 'node:events'
import { GradingError, GrpoError } from '../errors.js'
import type { RewardFunction, RewardSample } from './reward.js'
import { TIMED_OUT, isUnscored, scoreBatch, scoreSample } from './scoreSample.js'
import type { Unscored } from './scoreSample.js'

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
    rewards.map((reward) =>
      reward.scoreBatch
        ? scoreBatch(reward, samples, signal)
        : Promise.all(samples.map((sample) => scoreSample(reward, sample, signal))),
    ),
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
