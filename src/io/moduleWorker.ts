import { Worker } from 'node:worker_threads'
import type { WorkerOptions } from 'node:worker_threads'

/**
 * Starts a thread that runs a module, given by its URL with the ending `.js`. Where the sources run from TypeScript, as in
 * the tests, it is the `.ts` file beside it: tsx has to be registered inside the thread, which it does not inherit.
 */
export function startModuleWorker(module: URL, options: WorkerOptions = {}): Worker {
  if (!import.meta.url.endsWith('.ts')) return new Worker(module, options)
  const source = JSON.stringify(module.href.replace(/\.js$/, '.ts'))
  const load = `import('tsx/esm/api').then(({ register }) => { register(); return import(${source}) })`
  return new Worker(load, { ...options, eval: true })
}
