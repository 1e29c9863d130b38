import * as tf from '../../bundled/tfjs.js'
import { CPU_BACKEND } from '../../backend/cpu/backend.js'
import type { CpuBackend } from '../../backend/cpu/backend.js'
import { registerCpuBackend } from '../../backend/cpu/register.js'
import { OUTSIDE_BYTES } from '../../backend/cpu/runtime.js'
import type { ModelWeights } from '../../model/weights/modelWeights.js'
import { checkKernelSets } from '../../ops/kernelSets.js'
import { availableMemory } from '../availableMemory.js'
import { hasOwnMemory } from '../engine.js'
import type { Engine, EngineInfo, EngineModel, EngineOptions, MemoryUse, ModelSource } from '../engine.js'
import { ACTIVATION_BYTES } from './activations.js'
import { CACHE_BYTES, LOGIT_BYTES, MAXIMUM_ROWS } from './cacheSlots.js'
import { DecoderModel } from './decoderModel.js'
import { loadWeights } from './loadWeights.js'
import { PREFILL_TOKENS } from './scheduler.js'

/** Bytes of tensors that a 32-bit WebAssembly memory can hold. */
const TENSOR_LIMIT = 4 * 2 ** 30

/** Differences of two ways to compute a log-probability in float32 are rounding, some 1e-5 nats; above this it is a defect. */
const SAMPLING_TOLERANCE = 0.01

/** What both engines that compute with tfjs have in common. */
const common = {
  device: 'cpu',
  precision: 'float32',
  isBatchInvariant: true,
  samplingTolerance: SAMPLING_TOLERANCE,
  expectedDifference: null,
  isCompiled: false,
  keepsQuantized: false,
  tensorLimit: TENSOR_LIMIT,
  outsideFrom: Infinity,
  limitReason: null,
  budgets: {
    decodeRows: MAXIMUM_ROWS,
    logitBytes: LOGIT_BYTES,
    cacheBytes: CACHE_BYTES,
    prefillTokens: PREFILL_TOKENS,
    activationBytes: ACTIVATION_BYTES,
  },
} as const

/** Models as tensors of a backend of tfjs: our own threaded WebAssembly one, or tfjs's plain one to compare with. */
class TensorEngine implements Engine {
  constructor(
    readonly info: EngineInfo,
    /** tfjs's name of the backend. */
    private readonly backend: string,
  ) {}

  async load(source: ModelSource, weights: ModelWeights): Promise<EngineModel> {
    return new DecoderModel(source, await loadWeights(source.config, weights, source), this.backend)
  }

  memory(): MemoryUse {
    // tfjs does not know what a device has: that says it itself when it is full.
    const available = hasOwnMemory(this.info) ? this.info.tensorLimit : availableMemory()
    // What tf.memory() says, and what our cpu backend adds to it.
    const memory = tf.memory() as tf.MemoryInfo & { numBytesInWasm?: number; peakBytesInWasm?: number }
    return {
      used: memory.numBytesInWasm ?? memory.numBytes,
      peak: memory.peakBytesInWasm ?? null,
      available,
    }
  }

  /** The backend stays: tfjs has one for the whole process, and other models may be on it. */
  dispose(): Promise<void> {
    return Promise.resolve()
  }
}

/** Whether an engine computes with tensors of tfjs. */
export function isTensorEngine(engine: Engine): boolean {
  return engine instanceof TensorEngine
}

/** An engine on a backend of tfjs. Throws an EngineError when that has a part of an op's kernels only. */
export function tensorEngine(
  /** What it is, and where it is not as our own engine. */
  about: Pick<EngineInfo, 'name' | 'description'> & Partial<EngineInfo>,
  /** tfjs's name of the backend. */
  backend: string,
): Engine {
  checkKernelSets(backend)
  return new TensorEngine({ ...common, ...about }, backend)
}

let cpuBackend: CpuBackend | null = null

/** Our own threaded WebAssembly engine. Throws an EngineError when it cannot run here. */
export async function startCpuEngine({
  /** Another number than it runs with starts it anew; tensors move over when they are next used. */
  threads,
}: Pick<EngineOptions, 'threads'> = {}): Promise<Engine> {
  const wanted = threads ?? cpuBackend?.runtime.threads
  // Moving all tensors to a new backend is worth it for another number of threads only.
  if (cpuBackend?.runtime.threads !== wanted) cpuBackend = null
  cpuBackend ??= await registerCpuBackend(wanted === undefined ? {} : { threads: wanted })
  await tf.setBackend(CPU_BACKEND)
  const description = describe(cpuBackend)
  return tensorEngine({ name: 'cpu', description, keepsQuantized: true, ...outsideOf(cpuBackend) }, CPU_BACKEND)
}

/** Whether large weights lie outside WebAssembly's memory. */
function outsideOf({ runtime, simd }: CpuBackend): Pick<EngineInfo, 'outsideFrom' | 'limitReason'> {
  if (runtime.keepsOutside(OUTSIDE_BYTES)) return { outsideFrom: OUTSIDE_BYTES, limitReason: null }
  const reason = simd?.reason ?? `kernels are set to ${simd?.width}`
  const limitReason = `native kernels, which read large weights outside WebAssembly's memory, are not in use (${reason})`
  return { outsideFrom: Infinity, limitReason }
}

/** `native code (AVX2), with fused multiply-add, on 2 threads` or `WebAssembly, 256 bits wide, …` */
function describe({ runtime, simd }: CpuBackend): string {
  const multiplyAdd = runtime.fusedMultiplyAdd ? 'with' : 'without'
  const threads = `${runtime.threads} thread${runtime.threads === 1 ? '' : 's'}`
  const reason = simd?.reason ? ` (${simd.reason})` : ''
  const code = runtime.native ? `native code (${runtime.native.set})` : `WebAssembly, ${simd?.width} bits wide`
  return `${code}, ${multiplyAdd} fused multiply-add, on ${threads}${reason}`
}

/** tfjs's own plain JavaScript backend, slow and simple. */
export async function startReferenceEngine(): Promise<Engine> {
  await tf.setBackend('cpu')
  return tensorEngine({ name: 'reference', description: 'plain JavaScript, very slow' }, 'cpu')
}
