import * as tf from '../src/bundled/tfjs.js'
import type { CpuBackend } from '../src/backend/cpu/backend.js'
import type { Runtime } from '../src/backend/cpu/runtime.js'
import { registerCpuBackend } from '../src/backend/cpu/register.js'

/** The cpu backend once for each number of threads, side by side, so that measurements can take turns. */
export interface Backends {
  readonly threads: readonly number[]
  /** One of them: all have the same kernels. */
  readonly backend: CpuBackend
  /** Makes the backend with so many threads the current one. */
  use(threads: number): Promise<Runtime>
}

/** Starts a cpu backend for each number of threads. */
export async function startBackends(threads: readonly number[]): Promise<Backends> {
  const name = (count: number): string => `bench-${count}`
  const backends = new Map<number, CpuBackend>()
  for (const count of threads) {
    backends.set(count, await registerCpuBackend({ name: name(count), threads: count }))
  }
  return {
    threads,
    backend: backends.get(threads[0]!)!,
    use: async (count) => {
      await tf.setBackend(name(count))
      return backends.get(count)!.runtime
    },
  }
}
