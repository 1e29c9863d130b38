import * as tf from '../../bundled/tfjs.js'

/** What tf.memory() says, and what our cpu backend adds to it. */
type Memory = tf.MemoryInfo & { numBytesInWasm?: number }

/**
 * `memory/tensor_bytes`: what the backend holds in tensors now: weights, adapter, and whatever was not freed;
 * `memory/process_bytes`: main memory that the process holds (resident set).
 */
export function memoryMetrics(): Record<'memory/tensor_bytes' | 'memory/process_bytes', number> {
  const { numBytes, numBytesInWasm } = tf.memory() as Memory
  return {
    'memory/tensor_bytes': numBytesInWasm ?? numBytes,
    'memory/process_bytes': process.memoryUsage.rss(),
  }
}
