import path from 'node:path'
import type { Worker } from 'node:worker_threads'
import { startModuleWorker } from '../io/moduleWorker.js'
import { RewardTimeout, rewardJudges, rewardTimeout, rewardWeight } from './reward.js'
import type { RewardFunction, RewardOptions, RewardSample } from './reward.js'

/** Options of {@link workerReward}. */
export interface WorkerRewardOptions extends RewardOptions {
  /** Appears in the metrics. Defaults to the name of the file without its ending. */
  name?: string
  /** `correctness` for a function that pays above 0 for right answers and for nothing else: see {@link RewardFunction.judges}. */
  judges?: 'correctness'
  /** The export that is the function. Defaults to `default`. */
  exportName?: string
}

/** What the thread is told when it starts. */
export interface WorkerRewardData {
  readonly module: string
  readonly exportName: string
}

/** What the thread answers. */
export type WorkerRewardAnswer =
  { readonly isReady: true } | { readonly value: number | null } | { readonly error: string }

/** A completion that waits for its reward. */
interface Waiting {
  readonly sample: RewardSample
  readonly resolve: (value: number | null) => void
  readonly reject: (error: Error) => void
}

/**
 * A reward function that runs in a thread of its own, for functions that take long or may hang: `module` is the file of an
 * ES module that exports it (a plain function of one completion, {@link RewardSample}; a problem's own grader is left out).
 * Completions are scored one after the other. One that takes longer than `timeout` gets null, and is counted in
 * `rewards/<name>/timeouts`: the thread is ended, even in an endless loop, and a new one scores the others.
 */
export function workerReward(module: string, options: WorkerRewardOptions = {}): RewardFunction {
  const name = options.name ?? path.parse(module).name
  const data: WorkerRewardData = {
    module: path.resolve(module),
    exportName: options.exportName ?? 'default',
  }
  const { timeout } = rewardTimeout(name, options)
  const queue: Waiting[] = []
  let worker: Worker | null = null
  let isReady = false
  let busy: { waiting: Waiting; timer: NodeJS.Timeout | undefined } | null = null

  const settle = (act: (waiting: Waiting) => void): void => {
    if (!busy) return
    clearTimeout(busy.timer)
    const { waiting } = busy
    busy = null
    act(waiting)
    next()
  }
  const stop = (): void => {
    const stopped = worker
    worker = null
    isReady = false
    stopped?.removeAllListeners()
    void stopped?.terminate()
  }
  const fail = (error: Error): void => {
    stop()
    settle(({ reject }) => {
      reject(error)
    })
  }
  const start = (): Worker => {
    const started = startModuleWorker(new URL('./workerRewardThread.js', import.meta.url), { workerData: data })
    started.on('message', (answer: WorkerRewardAnswer) => {
      if ('isReady' in answer) {
        isReady = true
        send()
        return
      }
      settle(({ resolve, reject }) => {
        if ('error' in answer) reject(new Error(answer.error))
        else resolve(answer.value)
      })
    })
    started.on('error', fail)
    started.on('exit', (code) => {
      fail(new Error(`the thread of ${module} ended with code ${code}`))
    })
    return started
  }
  const next = (): void => {
    const waiting = busy ? undefined : queue.shift()
    if (!waiting) {
      // A thread that waits for work does not keep the program alive.
      if (!busy) worker?.unref()
      return
    }
    worker ??= start()
    worker.ref()
    busy = { waiting, timer: undefined }
    if (isReady) send()
  }
  /** The time limit is of the function alone, not of the start of its thread. */
  const send = (): void => {
    if (!busy) return
    const expire = (): void => {
      stop()
      settle(({ reject }) => {
        reject(new RewardTimeout(`took longer than ${timeout} ms`))
      })
    }
    if (timeout !== undefined) busy.timer = setTimeout(expire, timeout)
    worker?.postMessage(busy.waiting.sample)
  }

  return {
    name,
    weight: rewardWeight(name, options),
    keepsTimeout: true,
    ...rewardTimeout(name, options),
    ...rewardJudges(name, options),
    score: (sample: RewardSample) =>
      new Promise<number | null>((resolve, reject) => {
        queue.push({ sample: cloneable(sample), resolve, reject })
        next()
      }),
  }
}

/** Functions cannot be sent to another thread: a problem's own grader is left out. */
function cloneable(sample: RewardSample): RewardSample {
  const problem = { ...sample.meta.problem }
  delete problem.grader
  return { ...sample, meta: { ...sample.meta, problem } }
}
