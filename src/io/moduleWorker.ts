import { Worker } from 'node:worker_threads'
import type { WorkerOptions } from 'node:worker_threads'

/**
 * Options of a thread. `stdout` and `stderr` of Node are not among them: whether they are read or not, the first thing that the
 * thread prints then keeps the process alive for ever.
 */
export interface ModuleWorkerOptions extends Omit<WorkerOptions, 'stdout' | 'stderr' | 'eval'> {
  /** Drops what the thread prints, instead of printing it. Defaults to false. */
  silent?: boolean
}

/** Within the thread. */
const SILENCE = `for (const stream of [process.stdout, process.stderr]) {
  stream.write = (_, encoding, callback) => {
    const done = typeof encoding === 'function' ? encoding : callback
    if (done) queueMicrotask(done)
    return true
  }
}
`

/**
 * Starts a thread that runs a module, given by its URL with the ending `.js`. Where the sources run from TypeScript, as in
 * the tests, it is the `.ts` file beside it: tsx has to be registered inside the thread, which it does not inherit.
 */
export function startModuleWorker(module: URL, { silent = false, ...options }: ModuleWorkerOptions = {}): Worker {
  const isTypeScript = import.meta.url.endsWith('.ts')
  if (!isTypeScript && !silent) return new Worker(module, options)
  const source = JSON.stringify(isTypeScript ? module.href.replace(/\.js$/, '.ts') : module.href)
  const load = isTypeScript
    ? `import('tsx/esm/api').then(({ register }) => { register(); return import(${source}) })`
    : `import(${source})`
  return new Worker(`${silent ? SILENCE : ''}${load}`, { ...options, ...scriptFlags(), eval: true })
}

/** For a thread that runs a text: Node would read it as the program's own text is read, which with `-e` may be a module. */
export function scriptFlags(): Pick<WorkerOptions, 'execArgv'> {
  return process.execArgv.some((flag) => flag.startsWith('--input-type')) ? { execArgv: [] } : {}
}
