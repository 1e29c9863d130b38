import type { Worker } from 'node:worker_threads'
import { GrpoError } from '../../errors.js'
import { startModuleWorker } from '../../io/moduleWorker.js'
import type { CodeVerdict } from '../codeRun.js'
import type { Lane } from '../pool.js'
import type { JavaScriptJob, JavaScriptResult } from './worker.js'

/** Loading the engine may take this long, in ms, on a busy machine. */
const START_LIMIT = 120_000

/** Starts a thread that runs JavaScript and TypeScript. Throws a GrpoError when it does not start. */
export async function startJavaScriptLane(): Promise<Lane<JavaScriptJob, CodeVerdict>> {
  const worker = startModuleWorker(new URL('./worker.js', import.meta.url), {
    // MB. The stacks of both realms together (see realm.ts) take up to 26 of the thread's.
    resourceLimits: { maxOldGenerationSizeMb: 256, stackSizeMb: 64 },
    silent: true,
    env: {},
  })
  // Without a listener an error of an idle thread would end the program.
  worker.on('error', () => undefined)
  const limit = setTimeout(() => void worker.terminate(), START_LIMIT)
  try {
    await nextMessage(worker)
  } catch (cause) {
    throw new GrpoError('the thread that runs JavaScript did not start; is the machine out of memory?', { cause })
  } finally {
    clearTimeout(limit)
  }
  return {
    async run(job) {
      const answer = nextMessage(worker)
      worker.postMessage(job)
      return (await answer) as JavaScriptResult
    },
    kill() {
      void worker.terminate()
    },
    setIdle(isIdle) {
      if (isIdle) worker.unref()
      else worker.ref()
    },
  }
}

/** The next message of a thread. Rejects when it ends before. */
function nextMessage(worker: Worker): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const finish = (message: unknown): void => {
      worker.off('exit', fail).off('error', fail)
      resolve(message)
    }
    const fail = (reason: unknown): void => {
      worker.off('message', finish).off('exit', fail).off('error', fail)
      reject(reason instanceof Error ? reason : new Error('the thread ended'))
    }
    worker.once('message', finish).once('exit', fail).once('error', fail)
  })
}
