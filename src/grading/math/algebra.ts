import type { Worker } from 'node:worker_threads'
import { GrpoError } from '../../errors.js'
import { startModuleWorker } from '../../io/moduleWorker.js'
import type { AlgebraRequest } from './algebraWorker.js'

/** A comparison that takes longer than this, in ms, is given up. */
const TIME_LIMIT = 1000
/** Starting the thread and loading the engine may take this long, in ms, on a busy machine. */
const START_LIMIT = 60_000
/** Longer expressions are not given to the engine. */
const MAX_LENGTH = 500
const CACHE_SIZE = 10_000

/** Results of earlier comparisons: completions of a group repeat each other. */
const cache = new Map<string, Promise<boolean>>()
let worker: Worker | null = null
let queue: Promise<unknown> = Promise.resolve()

/**
 * Compares two LaTeX expressions with a computer algebra system (`@cortex-js/compute-engine`), in a thread of its own that is
 * ended when a comparison takes more than a second: what a model wrote may ask for `9^{9^{9^9}}`. One comparison runs at a
 * time. What cannot be read, or not in that time, is not equal.
 */
export function compareExpressions(request: AlgebraRequest): Promise<boolean> {
  if (!mayBeExpression(request.left) || !mayBeExpression(request.right)) return Promise.resolve(false)
  const key = JSON.stringify(request)
  const known = cache.get(key)
  if (known !== undefined) return known
  const result = queue.then(() => compareInWorker(request))
  queue = result.catch(() => undefined)
  if (cache.size >= CACHE_SIZE) cache.delete(cache.keys().next().value!)
  cache.set(key, result)
  return result
}

/** Words and foreign characters are no mathematics; the engine would take `apples` for a product of six unknowns. */
function mayBeExpression(latex: string): boolean {
  if (latex.length > MAX_LENGTH || !/^[ -~]*$/.test(latex)) return false
  return !/(?<![\\A-Za-z])[A-Za-z]{4,}|[:?;&#~"]|\\[lc]?dots/.test(latex)
}

async function compareInWorker(request: AlgebraRequest): Promise<boolean> {
  const current = worker ?? (await startWorker())
  worker = current
  // A thread that is waited for keeps the process alive, an idle one does not.
  current.ref()
  current.postMessage(request)
  const answer = await nextMessage(current, TIME_LIMIT)
  if (answer === null) {
    worker = null
    await current.terminate()
    return false
  }
  current.unref()
  return answer === true
}

async function startWorker(): Promise<Worker> {
  const module = new URL('./algebraWorker.js', import.meta.url)
  // The engine prints warnings; they are not for the terminal of a training run.
  const started = startModuleWorker(module, {
    resourceLimits: { maxOldGenerationSizeMb: 512 },
    stdout: true,
    stderr: true,
  })
  // Without a listener an error of an idle thread, such as a lack of memory, would end the program.
  started.on('error', () => {
    worker = null
  })
  if ((await nextMessage(started, START_LIMIT)) === 'ready') return started
  await started.terminate()
  throw new GrpoError(
    `the thread that compares mathematical expressions did not start within ${START_LIMIT / 1000} s; is the machine overloaded?`,
  )
}

/** The next message of a thread; null when it takes too long, fails, or ends. */
function nextMessage(thread: Worker, limit: number): Promise<unknown> {
  return new Promise((resolve) => {
    const finish = (message: unknown): void => {
      clearTimeout(timer)
      thread.off('message', finish).off('error', fail).off('messageerror', fail).off('exit', fail)
      resolve(message)
    }
    const fail = (): void => {
      finish(null)
    }
    const timer = setTimeout(fail, limit)
    thread.on('message', finish).on('error', fail).on('messageerror', fail).on('exit', fail)
  })
}
