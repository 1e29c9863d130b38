import { setImmediate } from 'node:timers/promises'
import { parentPort, workerData } from 'node:worker_threads'
import { GrpoError } from '../../errors.js'
import { limitConcurrency } from '../../io/limitConcurrency.js'
import { thrownMessage } from '../../io/thrown.js'
import { runningUserCode, watchEscapedErrors } from '../../io/userCode.js'
import { loadRewards } from '../../rewards/loadReward.js'
import type { RewardFunction, RewardSample } from '../../rewards/reward.js'
import { isUnscored, scoreBatch, scoreSample } from '../../rewards/scoreSample.js'
import type { Unscored } from '../../rewards/scoreSample.js'
import { loadTask } from '../../tasks/loadTask.js'
import { Place } from './scoringJob.js'
import type { Outcome, ScoringJob, ScoringMessage, ScoringSample, ScoringThreadData } from './scoringJob.js'

/** Scores completions, job after job: see {@link startScoringWorker}. */
const { run, task: taskOptions, timeout, place } = workerData as ScoringThreadData
const port = parentPort!
const numbers = new Int32Array(place)
/** Milliseconds between two signs of life. */
const PULSE = 50
/** Milliseconds of work without a pause in which messages and timers have their turn. */
const TURN = 5
const EXPIRED: unique symbol = Symbol('expired')

const post = (message: ScoringMessage): void => {
  port.postMessage(message)
}
const pulse = (): void => void Atomics.add(numbers, Place.pulse, 1)

watchEscapedErrors(() => {
  post({ escaped: runningUserCode() ?? 'a reward' })
})
const task = await loadTask(run.task, taskOptions)
const problems = new Map(task.problems.map((problem) => [problem.id, problem]))
const rewards = await loadRewards(run.rewards, run)
const limits = rewards.map((reward) => limitConcurrency(concurrencyOf(reward)))

port.on('message', (job: ScoringJob) => {
  // Nothing of a job is left open: what rewards have broken so far that it cannot be done is ended with the thread.
  work(job).catch(() => process.exit(1))
})
post({ isReady: true })

/**
 * Completions that a function scores at a time. Those that wait for others of their kind are not to use up their time: functions with
 * a thread of their own score one after the other, graders may start a program for each.
 */
function concurrencyOf({ keepsTimeout, asksGrader }: RewardFunction): number {
  if (keepsTimeout) return 1
  return asksGrader ? 2 : Infinity
}

async function work(job: ScoringJob): Promise<void> {
  const timer = setInterval(pulse, PULSE)
  if (job.isBatch) await workOnBatch(job)
  else await workOnPairs(job)
  clearInterval(timer)
  post({ isDone: true })
}

async function workOnBatch({ pairs, samples }: ScoringJob): Promise<void> {
  const reward = pairs[0]![1]
  const answer = await attempt([0, reward], () => scoreBatch(rewards[reward]!, samples.map(sampleOf)))
  for (const [sample] of pairs) {
    post({ sample, reward, outcome: 'failure' in answer ? answer.failure : outcomeOf(answer.result[sample]!, reward) })
  }
}

async function workOnPairs({ pairs, samples }: ScoringJob): Promise<void> {
  let turn = performance.now()
  const running: Promise<void>[] = []
  for (const pair of pairs) {
    const [sample, reward] = pair
    running.push(
      limits[reward]!(async () => {
        const answer = await attempt(pair, () => scoreSample(rewards[reward]!, sampleOf(samples[sample]!)))
        post({ sample, reward, outcome: 'failure' in answer ? answer.failure : outcomeOf(answer.result, reward) })
      }),
    )
    if (performance.now() - turn < TURN) continue
    await setImmediate()
    turn = performance.now()
  }
  await Promise.all(running)
}

/** What a function returns within the time limit, or why it does not. */
async function attempt<T>(
  [sample, reward]: readonly [number, number],
  body: () => Promise<T>,
): Promise<{ readonly result: T } | { readonly failure: Outcome }> {
  let timer: NodeJS.Timeout | undefined
  try {
    Atomics.store(numbers, Place.reward, reward)
    Atomics.store(numbers, Place.sample, sample)
    pulse()
    const running = body()
    Atomics.store(numbers, Place.sample, -1)
    pulse()
    const expired = new Promise<typeof EXPIRED>((resolve) => {
      timer = setTimeout(resolve, timeout, EXPIRED)
    })
    const result = await Promise.race([running, expired])
    return result === EXPIRED ? { failure: tooLong(timeout) } : { result }
  } catch (error) {
    const message = thrownMessage(error)
    return { failure: { value: null, error: message, isTimeout: false } }
  } finally {
    clearTimeout(timer)
  }
}

function outcomeOf(value: number | null | Unscored, reward: number): Outcome {
  if (!isUnscored(value)) return { value }
  if (value instanceof GrpoError) return { value: null, error: value.message, isTimeout: false }
  return tooLong(rewards[reward]!.timeout ?? timeout)
}

function tooLong(milliseconds: number): Outcome {
  return { value: null, error: `took longer than ${milliseconds} ms`, isTimeout: true }
}

function sampleOf({ problemId, prompt, completion, ids, finishReason }: ScoringSample): RewardSample {
  const problem = problems.get(problemId)
  if (!problem)
    throw new GrpoError(`task ${task.name} gave other problems when it was loaded again; it has no ${problemId}`)
  return { prompt, completion, answer: problem.answer, ids, meta: { problem, finishReason } }
}
