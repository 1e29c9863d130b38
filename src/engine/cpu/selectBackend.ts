import * as tf from '../../bundled/tfjs.js'
import { BackendError, ConfigError } from '../../errors.js'
import { CPU_BACKEND } from '../../backend/cpu/backend.js'
import type { CpuBackend } from '../../backend/cpu/backend.js'
import { registerCpuBackend } from '../../backend/cpu/register.js'

/** `cpu` is our own threaded WebAssembly engine, `reference` tfjs's plain JavaScript, slow and simple, to compare with. */
export type BackendName = 'cpu' | 'reference'

/** What tensors are computed on. */
export interface SelectedBackend {
  /** The backend, as {@link selectBackend} takes it. */
  readonly name: BackendName
  /** Why this one was taken, in a sentence. */
  readonly why: string
}

let selected: SelectedBackend | null = null
let cpuBackend: CpuBackend | null = null

/**
 * Selects what tensors are computed on, for the whole process. `auto` takes the fastest backend that works here.
 * @throws BackendError when the wanted backend cannot run here, ConfigError for an unknown name or number of threads
 */
export async function selectBackend(
  name: BackendName | 'auto' = 'auto',
  options: {
    /**
     * Threads of the cpu backend. Defaults to the number of cores, or to what it runs with. Another number starts it anew;
     * tensors move over when they are next used.
     */
    threads?: number
  } = {},
): Promise<SelectedBackend> {
  selected = await start(name, options)
  return selected
}

/** The selected backend; selects `auto` when nothing was selected yet. */
export async function currentBackend(): Promise<SelectedBackend> {
  return selected ?? selectBackend()
}

async function start(name: BackendName | 'auto', options: { threads?: number }): Promise<SelectedBackend> {
  switch (name) {
    case 'auto':
      try {
        const backend = await start('cpu', options)
        return { ...backend, why: `the fastest backend that works here: ${backend.why}` }
      } catch (error) {
        if (!(error instanceof BackendError)) throw error
        await tf.setBackend('cpu')
        return { name: 'reference', why: `plain JavaScript, very slow, since the cpu backend failed: ${error.message}` }
      }
    case 'cpu': {
      const { threads: wanted = cpuBackend?.runtime.threads } = options
      // Moving all tensors to a new backend is worth it for another number of threads only.
      if (cpuBackend?.runtime.threads !== wanted) cpuBackend = null
      cpuBackend ??= await registerCpuBackend(options)
      await tf.setBackend(CPU_BACKEND)
      const { runtime } = cpuBackend
      const threads = `${runtime.threads} thread${runtime.threads === 1 ? '' : 's'}`
      return {
        name: 'cpu',
        why: `WebAssembly SIMD ${runtime.fusedMultiplyAdd ? 'with' : 'without'} fused multiply-add on ${threads}`,
      }
    }
    case 'reference':
      await tf.setBackend('cpu')
      return { name: 'reference', why: 'plain JavaScript, very slow, as asked for' }
    default:
      throw new ConfigError(`backend is '${String(name)}'; expected auto, cpu or reference`)
  }
}
