import type * as tf from '../../../bundled/tfjs.js'
import type { SampleTokensAttributes, SamplingParameters } from '../../../ops/sampleTokens.js'
import type { CpuBackend } from '../backend.js'
import { BINS, BLOCK_COLUMNS, KernelId } from '../constants.js'
import type { KernelCalls } from '../kernelCalls.js'
import { kernel } from './kernel.js'

/** Bytes of a thread's scratch beside the probabilities and scores of a row; see assembly/sampling.ts. */
const FIXED_SCRATCH = 64 + BINS * 8 + 64
/** Rough cost of a logit in multiply-adds: two exponentials, two divisions and some products. */
const OPERATIONS = 32

/** Rows of the result: token ids, log-probabilities, entropies, and two of statistics. */
const RESULTS = 5

/**
 * [5, B]: token ids, their log-probabilities, the entropies of the distributions, and then for each row its largest logit and
 * log Σ e^((z − largest z) / temperature).
 */
function sampleTokens(
  backend: CpuBackend,
  { logits }: { logits: tf.TensorInfo }, // [B, V]
  { parameters, uniforms, histories }: SampleTokensAttributes,
): tf.TensorInfo {
  const { allocator } = backend.runtime
  const [rows, vocabulary] = logits.shape as [number, number]
  const sampled = backend.allocate([RESULTS, rows])
  const values = drawValues({ parameters, uniforms, histories })
  const doubles = allocator.place(values.doubles)
  const history = allocator.place(values.history)
  callSampleTokens(backend.runtime, {
    logits: backend.address(logits),
    rows,
    vocabulary,
    sampled: sampled.address,
    parameters,
    doubles,
    history,
    historyEnds: history + values.historyEnd * 4,
  })
  allocator.release(doubles)
  allocator.release(history)
  // The kernel writes ids as integers.
  backend.floats(sampled.info).set(new Int32Array(allocator.memory.buffer, sampled.address, rows))
  return sampled.info
}

/** What the kernel reads beside the logits; see assembly/sampling.ts. */
export interface DrawValues {
  readonly doubles: Float64Array // [3 + B]
  /** The tokens that each row has seen, row after row, and then where each row's end. */
  readonly history: Int32Array
  /** Where the second of these begin. */
  readonly historyEnd: number
}

export function drawValues({ parameters, uniforms, histories }: SampleTokensAttributes): DrawValues {
  const { temperature, topP, minP, repetitionPenalty } = parameters
  const isPenalised = histories !== null && repetitionPenalty !== 1
  const seen = isPenalised ? histories.map((history) => [...new Set(history)]) : []
  let historyEnd = 0
  const ends = seen.map((history) => (historyEnd += history.length))
  const doubles = new Float64Array(3 + uniforms.length)
  doubles.set([isPenalised ? repetitionPenalty : 1, topP, temperature * Math.log(minP)])
  doubles.set(uniforms, 3)
  return { doubles, history: Int32Array.from([...seen.flat(), ...ends]), historyEnd }
}

/** Calls the kernel, with addresses. Ids are written as integers. */
export function callSampleTokens(
  calls: KernelCalls,
  draw: {
    logits: number // [rows, vocabulary]
    rows: number
    vocabulary: number
    sampled: number // [5, rows]
    parameters: Pick<SamplingParameters, 'temperature' | 'topK'>
    /** Of {@link DrawValues}. */
    doubles: number
    history: number
    historyEnds: number
  },
): void {
  const { rows, vocabulary, sampled } = draw
  const { temperature, topK } = draw.parameters
  const scratch = calls.scratch(FIXED_SCRATCH + vocabulary * 8 + Math.ceil(vocabulary / BLOCK_COLUMNS) * 8)
  const { args, floatArgs } = calls
  args[0] = draw.logits
  args[1] = vocabulary
  args[2] = sampled
  args[3] = sampled + rows * 4
  floatArgs[4] = temperature
  args[5] = topK < vocabulary ? topK : 0
  args[6] = draw.history
  args[7] = draw.historyEnds
  args[8] = draw.doubles
  args[9] = scratch.address
  args[10] = scratch.stride
  args[11] = sampled + 2 * rows * 4
  args[12] = sampled + 3 * rows * 4
  calls.run(KernelId.sampleTokens, rows, rows * vocabulary * OPERATIONS)
}

export const sampleTokensKernels = [kernel('SampleTokens', sampleTokens)]
