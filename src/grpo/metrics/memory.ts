import type { Engine } from '../../engine/engine.js'

/**
 * `memory/tensor_bytes`: what the engine holds in tensors now: weights, adapter, and whatever was not freed;
 * `memory/process_bytes`: main memory that the process holds (resident set).
 */
export function memoryMetrics(engine: Engine): Record<'memory/tensor_bytes' | 'memory/process_bytes', number> {
  return { 'memory/tensor_bytes': engine.memory().used, 'memory/process_bytes': process.memoryUsage.rss() }
}
