import type * as tf from '../../../bundled/tfjs.js'
import type { CpuBackend } from '../backend.js'
import { KernelId, ROW_STATE_BYTES } from '../constants.js'
import { kernel } from './kernel.js'
import { runBlock, setBlockArguments, writeTargets } from './tokenLogProbs.js'

/** Cross-entropies [N], entropies [N], and for the gradient the largest logit and log Σ e^(z − max) of each row [N, 2]. */
function crossEntropy(
  backend: CpuBackend,
  { logits }: { logits: tf.TensorInfo }, // [N, V]
  { targets }: { targets: Int32Array },
): tf.TensorInfo[] {
  const { runtime } = backend
  const { args, allocator } = runtime
  const [rows, columns] = logits.shape as [number, number]
  const losses = backend.allocate([rows])
  const entropies = backend.allocate([rows])
  const statistics = backend.allocate([rows, 2])
  const targetsAddress = writeTargets(backend, targets)
  const states = allocator.allocate(rows * ROW_STATE_BYTES)
  const block = { address: backend.address(logits), firstRow: 0, rows, column: 0, columns }
  setBlockArguments(runtime, block, targetsAddress, 1)
  args[7] = states
  args[8] = 1
  args[9] = losses.address
  args[10] = entropies.address
  args[11] = statistics.address
  runBlock(runtime, KernelId.logSoftmax, block)
  allocator.release(states)
  allocator.release(targetsAddress)
  const values = backend.floats(losses.info)
  for (let row = 0; row < rows; row++) values[row] = -values[row]!
  return [losses.info, entropies.info, statistics.info]
}

/** Gradient with respect to the logits [N, V]. */
function crossEntropyGradient(
  backend: CpuBackend,
  inputs: {
    dy: tf.TensorInfo // [N]
    logits: tf.TensorInfo // [N, V]
    entropies: tf.TensorInfo // [N]
    statistics: tf.TensorInfo // [N, 2]
  },
  { targets }: { targets: Int32Array },
): tf.TensorInfo {
  const { runtime } = backend
  const { args, allocator } = runtime
  const [rows, columns] = inputs.logits.shape as [number, number]
  // The kernel overwrites logits by their gradient.
  const dLogits = backend.allocate([rows, columns])
  backend.floats(dLogits.info).set(backend.floats(inputs.logits))
  const entropies = backend.address(inputs.entropies)
  const statistics = backend.address(inputs.statistics)
  const targetsAddress = writeTargets(backend, targets)
  const dLogProbs = allocator.allocate(rows * 8)
  const gradients = new Float32Array(allocator.memory.buffer, dLogProbs, rows * 2)
  const dy = backend.floats(inputs.dy)
  for (let row = 0; row < rows; row++) gradients[row] = -dy[row]!
  gradients.fill(0, rows)
  const block = { address: dLogits.address, firstRow: 0, rows, column: 0, columns }
  setBlockArguments(runtime, block, targetsAddress, 1)
  args[10] = entropies
  args[11] = statistics
  args[12] = dLogProbs
  args[13] = dLogProbs + rows * 4
  runBlock(runtime, KernelId.logSoftmaxGradient, block)
  allocator.release(dLogProbs)
  allocator.release(targetsAddress)
  return dLogits.info
}

export const crossEntropyKernels = [
  kernel('CrossEntropy', crossEntropy),
  kernel('CrossEntropyGradient', crossEntropyGradient),
]
