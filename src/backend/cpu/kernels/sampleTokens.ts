import type * as tf from '../../../bundled/tfjs.js'
import type { SampleTokensAttributes } from '../../../ops/sampleTokens.js'
import type { CpuBackend } from '../backend.js'
import { BINS, BLOCK_COLUMNS, KernelId } from '../constants.js'
import { kernel } from './kernel.js'

/** Bytes of a thread's scratch beside the probabilities and scores of a row; see assembly/sampling.ts. */
const FIXED_SCRATCH = 64 + BINS * 8 + 64
/** Rough cost of a logit in multiply-adds: two exponentials, two divisions and some products. */
const OPERATIONS = 32

/** Token ids, their log-probabilities, and the entropies of the distributions: [3, B]. */
function sampleTokens(
  backend: CpuBackend,
  { logits }: { logits: tf.TensorInfo }, // [B, V]
  { parameters, uniforms, histories }: SampleTokensAttributes,
): tf.TensorInfo {
  const { runtime } = backend
  const { args, floatArgs, allocator } = runtime
  const { temperature, topK, topP, minP, repetitionPenalty } = parameters
  const [rows, vocabulary] = logits.shape as [number, number]
  const sampled = backend.allocate([3, rows])
  const penalised = histories !== null && repetitionPenalty !== 1
  const seen = penalised ? histories.map((history) => [...new Set(history)]) : []
  let end = 0
  const ends = seen.map((history) => (end += history.length))

  const doubles = allocator.allocate((3 + rows) * 8)
  const doubleValues = new Float64Array(allocator.memory.buffer, doubles, 3 + rows)
  doubleValues.set([penalised ? repetitionPenalty : 1, topP, temperature * Math.log(minP)])
  doubleValues.set(uniforms, 3)
  const history = allocator.allocate((end + rows) * 4)
  new Int32Array(allocator.memory.buffer, history, end + ends.length).set([...seen.flat(), ...ends])
  const scratch = runtime.scratch(FIXED_SCRATCH + vocabulary * 8 + Math.ceil(vocabulary / BLOCK_COLUMNS) * 8)

  args[0] = backend.address(logits)
  args[1] = vocabulary
  args[2] = sampled.address
  args[3] = sampled.address + rows * 4
  floatArgs[4] = temperature
  args[5] = topK < vocabulary ? topK : 0
  args[6] = history
  args[7] = history + end * 4
  args[8] = doubles
  args[9] = scratch.address
  args[10] = scratch.stride
  args[11] = sampled.address + 2 * rows * 4
  runtime.run(KernelId.sampleTokens, rows, rows * vocabulary * OPERATIONS)
  allocator.release(doubles)
  allocator.release(history)
  // The kernel writes ids as integers.
  backend.floats(sampled.info).set(new Int32Array(allocator.memory.buffer, sampled.address, rows))
  return sampled.info
}

export const sampleTokensKernels = [kernel('SampleTokens', sampleTokens)]
