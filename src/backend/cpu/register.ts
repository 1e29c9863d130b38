import * as tf from '../../bundled/tfjs.js'
import { CPU_BACKEND, CpuBackend } from './backend.js'
import { kernels } from './kernels/index.js'
import { Runtime } from './runtime.js'
import { chooseKernels } from './simd.js'
import type { SimdWidth } from './simd.js'

/**
 * Makes a tfjs backend of the cpu backend: every kernel of tfjs's plain cpu backend, and our own in place of the slow ones.
 * A backend of the same name is replaced, once the new one runs.
 * @throws EngineError when this machine cannot run it
 */
export async function registerCpuBackend(
  options: {
    /** Threads in all. Defaults to the number of cores. */
    threads?: number
    /** Fuse products and sums. Defaults to true where the engine can. */
    fusedMultiplyAdd?: boolean
    /** Use no wider vectors. Defaults to the environment variable GRPO_TS_SIMD, and to the widest that this machine has. */
    simd?: SimdWidth
    /** tfjs's name for it. Defaults to `wasm-threads`; tests compare differently configured ones. */
    name?: string
  } = {},
): Promise<CpuBackend> {
  const name = options.name ?? CPU_BACKEND
  const { kernels: module, width, reason } = await chooseKernels(options)
  const backend = new CpuBackend(await Runtime.start({ ...options, kernels: module }), { width, reason })
  if (name in tf.engine().registryFactory) removeBackend(name)
  tf.registerBackend(name, () => backend, 0)
  tf.copyRegisteredKernels('cpu', name)
  for (const { name: kernelName, run } of kernels) {
    const plain = tf.getKernel(kernelName, name) as tf.KernelConfig | undefined
    if (plain) tf.unregisterKernel(kernelName, name)
    tf.registerKernel({
      kernelName,
      backendName: name,
      kernelFunc: ({ inputs, attrs = {} }) => run(backend, inputs, attrs, (attrs.frozen as object | undefined) ?? {}),
    })
  }
  return backend
}

/** Removes a backend and its kernels, which tfjs would keep: registering them again prints a warning for each. */
function removeBackend(name: string): void {
  tf.removeBackend(name)
  for (const { kernelName } of tf.getKernelsForBackend(name)) tf.unregisterKernel(kernelName, name)
}
