import type * as tf from '../../../bundled/tfjs.js'
import { dropoutLimit } from '../../../ops/dropout.js'
import type { DropoutMask } from '../../../ops/dropout.js'
import type { CpuBackend } from '../backend.js'
import { KernelId } from '../constants.js'
import { kernel } from './kernel.js'
import { rowsOfTile } from './tile.js'

/** Rough cost of an element in multiply-adds: the hash. */
const OPERATIONS = 6

function dropout(
  backend: CpuBackend,
  { x }: { x: tf.TensorInfo }, // [N, D]
  { probability, rowKeys, key }: DropoutMask,
): tf.TensorInfo {
  const { runtime } = backend
  const [rows, columns] = x.shape as [number, number]
  const out = backend.allocate([rows, columns])
  const keys = runtime.allocator.place(rowKeys)
  const tileRows = rowsOfTile(columns)
  runtime.args.set([backend.address(x), out.address, keys, rows, columns, key])
  runtime.args[6] = dropoutLimit(probability)
  runtime.floatArgs[7] = 1 / (1 - probability)
  runtime.args[8] = tileRows
  runtime.run(KernelId.dropout, Math.ceil(rows / tileRows), rows * columns * OPERATIONS)
  runtime.allocator.release(keys)
  return out.info
}

export const dropoutKernels = [kernel('KeyedDropout', dropout)]
