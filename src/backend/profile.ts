import * as tf from '../bundled/tfjs.js'
import { countOperations } from './operations.js'

/** The calls of one kernel in one phase and, for products with a weight, with one shape. */
export interface ProfileEntry {
  readonly phase: string
  /** tfjs's name of the kernel. */
  readonly kernel: string
  /** `≤64 × 576→1536` for at most 64 rows (a power of two) and a weight [1536, 576]; empty for other kernels. */
  readonly shape: string
  calls: number
  milliseconds: number
  /** Multiplications and additions of its matrix products; 0 for a kernel without any. */
  operations: number
}

/**
 * Measures how long each kernel of the current backend takes. While it runs, every kernel is wrapped; otherwise nothing is
 * measured and nothing costs time. Kernels are synchronous on the cpu backends, so that their times are exact and add up.
 */
export class KernelProfile {
  /** What is being done: a part of the key of the next calls. */
  phase = ''
  readonly #entries = new Map<string, ProfileEntry>()
  readonly #originals: readonly tf.KernelConfig[]

  /** Starts to measure. */
  constructor() {
    this.#originals = tf.getKernelsForBackend(tf.getBackend())
    for (const original of this.#originals) replaceKernel({ ...original, kernelFunc: this.#measured(original) })
  }

  /** Takes the kernels' wrappers off again. */
  stop(): void {
    for (const original of this.#originals) replaceKernel(original)
  }

  /** What was measured so far, the longest first. */
  entries(): ProfileEntry[] {
    return [...this.#entries.values()].sort((a, b) => b.milliseconds - a.milliseconds)
  }

  #measured({ kernelName, kernelFunc }: tf.KernelConfig): tf.KernelFunc {
    return (parameters) => {
      const started = performance.now()
      const result = kernelFunc(parameters)
      const milliseconds = performance.now() - started
      const { operations, shape } = countOperations(kernelName, parameters.inputs, parameters.attrs ?? {})
      const key = `${this.phase}/${kernelName}/${shape}`
      let entry = this.#entries.get(key)
      if (!entry) {
        entry = { phase: this.phase, kernel: kernelName, shape, calls: 0, milliseconds: 0, operations: 0 }
        this.#entries.set(key, entry)
      }
      entry.calls++
      entry.milliseconds += milliseconds
      entry.operations += operations
      return result
    }
  }
}

/** tfjs prints a warning for a kernel that is registered twice. */
function replaceKernel(kernel: tf.KernelConfig): void {
  tf.unregisterKernel(kernel.kernelName, kernel.backendName)
  tf.registerKernel(kernel)
}
