import { totalmem } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { GrpoError } from '../../errors.js'
import { startModuleWorker } from '../../io/moduleWorker.js'
import { Place } from './scoringJob.js'
import type { Outcome, ScoringJob, ScoringMessage, ScoringThreadData } from './scoringJob.js'

/** Megabytes of JavaScript values in each thread: half of the machine's memory among all, between these. */
const HEAP = { least: 512, most: 2048 }

/** How threads that score are started. */
export interface ScoringWorkerOptions extends Pick<ScoringThreadData, 'run' | 'task' | 'timeout'> {
  /** Threads that there are, with which the memory is shared. */
  readonly workers: number
  /** Of the threads. */
  readonly env: NodeJS.ProcessEnv
  /** Told, by the name of the function, of an error of a user's code that nothing catches. */
  readonly onEscaped: (who: string) => void
}

/** A thread that scores. It is ended, with all that runs in it, by a function that never returns, and by one that ends it. */
export interface ScoringWorker {
  /** Has a job done; null when it is, and else what ended the thread, of which there is no other use then. */
  run(job: ScoringJob, onOutcome: (sample: number, reward: number, outcome: Outcome) => void): Promise<Loss | null>
  /** Resolves when the thread has ended. */
  readonly ended: Promise<void>
  readonly hasEnded: boolean
  end(): Promise<void>
}

/** How a thread was lost. */
export interface Loss {
  readonly reason: string
  readonly isTimeout: boolean
  /** The completion and the function that were at work then, if it is known. */
  readonly at: readonly [sample: number, reward: number] | null
}

/** Starts a thread that has the task and the rewards of a run. Throws a GrpoError when it cannot. */
export async function startScoringWorker(options: ScoringWorkerOptions): Promise<ScoringWorker> {
  const { run, task, timeout, workers, env, onEscaped } = options
  const place = new SharedArrayBuffer(3 * Int32Array.BYTES_PER_ELEMENT)
  const numbers = new Int32Array(place)
  Atomics.store(numbers, Place.sample, -1)
  const workerData: ScoringThreadData = { run, task, timeout, place }
  const megabytes = Math.floor(totalmem() / 2 ** 21 / workers)
  const worker = startModuleWorker(new URL('./scoringThread.js', import.meta.url), {
    workerData,
    env,
    resourceLimits: { maxOldGenerationSizeMb: Math.min(Math.max(megabytes, HEAP.least), HEAP.most) },
  })
  let reason = ''
  let hasEnded = false
  worker.on('error', (error: Error & { code?: string }) => {
    reason = error.code === 'ERR_WORKER_OUT_OF_MEMORY' ? 'ran out of memory' : error.message
  })
  const ended = new Promise<void>((resolve) => {
    worker.once('exit', (code) => {
      hasEnded = true
      reason ||= `ended its thread with exit code ${code}`
      resolve()
    })
  })
  const ready = new Promise<true>((resolve) => {
    worker.on('message', (message: ScoringMessage) => {
      if ('isReady' in message) resolve(true)
      else if ('escaped' in message) onEscaped(message.escaped)
    })
  })
  const isReady = await Promise.race([ready, ended])
  if (isReady !== true) throw new GrpoError(`a thread that scores could not start: ${reason}`)

  const lost = (isTimeout: boolean): Loss => {
    const sample = Atomics.load(numbers, Place.sample)
    return { reason, isTimeout, at: sample < 0 ? null : [sample, Atomics.load(numbers, Place.reward)] }
  }
  /** Resolves when the thread gave no sign of life for so long. */
  const stuck = async (signal: AbortSignal): Promise<void> => {
    let pulse = -1
    let since = performance.now()
    while (!signal.aborted) {
      const now = Atomics.load(numbers, Place.pulse)
      if (now !== pulse) {
        pulse = now
        since = performance.now()
      } else if (performance.now() - since >= timeout) return
      await sleep(Math.min(Math.max(timeout / 8, 10), 500), undefined, { signal }).catch(() => undefined)
    }
  }
  return {
    ended,
    get hasEnded() {
      return hasEnded
    },
    async run(job, onOutcome) {
      const watching = new AbortController()
      let onMessage: ((message: ScoringMessage) => void) | undefined
      const done = new Promise<'done'>((resolve) => {
        onMessage = (message) => {
          if ('isDone' in message) resolve('done')
          else if ('outcome' in message) onOutcome(message.sample, message.reward, message.outcome)
        }
        worker.on('message', onMessage)
      })
      worker.postMessage(job)
      const end = await Promise.race([
        done,
        ended.then(() => 'ended' as const),
        stuck(watching.signal).then(() => 'stuck' as const),
      ])
      watching.abort()
      worker.off('message', onMessage!)
      if (end === 'done') return null
      if (end === 'ended') return lost(false)
      reason = `took longer than ${timeout} ms`
      const loss = lost(true)
      await worker.terminate()
      return loss
    },
    async end() {
      await worker.terminate()
    },
  }
}
