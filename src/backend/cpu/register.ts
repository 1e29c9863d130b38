import * as tf from '../../bundled/tfjs.js'
import { CPU_BACKEND, CpuBackend } from './backend.js'
import { addKernels } from './kernels/add.js'
import { attentionKernels } from './kernels/attention.js'
import { castKernels } from './kernels/cast.js'
import { dropoutKernels } from './kernels/dropout.js'
import { linearKernels } from './kernels/linear.js'
import { matMulKernels } from './kernels/matMul.js'
import { rmsNormKernels } from './kernels/rmsNorm.js'
import { ropeKernels } from './kernels/rope.js'
import { sampleTokensKernels } from './kernels/sampleTokens.js'
import { selectRowsKernels } from './kernels/selectRows.js'
import { swigluKernels } from './kernels/swiglu.js'
import { tokenLogProbsKernels } from './kernels/tokenLogProbs.js'
import { uninitializedKernels } from './kernels/uninitialized.js'
import { weightKernels } from './kernels/weight.js'
import { writeRowsKernels } from './kernels/writeRows.js'
import { Runtime } from './runtime.js'

const KERNELS = [
  ...attentionKernels,
  ...uninitializedKernels,
  ...writeRowsKernels,
  ...matMulKernels,
  ...addKernels,
  ...castKernels,
  ...weightKernels,
  ...linearKernels,
  ...dropoutKernels,
  ...rmsNormKernels,
  ...ropeKernels,
  ...swigluKernels,
  ...selectRowsKernels,
  ...tokenLogProbsKernels,
  ...sampleTokensKernels,
]

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
    /** tfjs's name for it. Defaults to `wasm-threads`; tests compare differently configured ones. */
    name?: string
  } = {},
): Promise<CpuBackend> {
  const name = options.name ?? CPU_BACKEND
  const backend = new CpuBackend(await Runtime.start(options))
  if (name in tf.engine().registryFactory) removeBackend(name)
  tf.registerBackend(name, () => backend, 0)
  tf.copyRegisteredKernels('cpu', name)
  for (const { name: kernelName, run } of KERNELS) {
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
