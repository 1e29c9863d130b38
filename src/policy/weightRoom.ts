import type { Engine } from '../engine/engine.js'
import type { ModelConfig } from '../model/config.js'
import { largeMatrixBytes, weightBytes } from '../model/weights/weightBytes.js'
import type { WeightDtype } from '../model/weights/weightDtype.js'
import { isQuantized } from '../quantization/weightFormat.js'
import type { WeightFormat } from '../quantization/weightFormat.js'

/** What weights take on an engine, and what it has for them. */
export interface WeightRoom {
  readonly bytes: number
  readonly limit: number
  /** Why the limit is no larger, where that could be otherwise; null elsewhere. */
  readonly reason: string | null
}

/** What the weights of a model would take on an engine whatever else there is. */
export function weightRoom(
  engine: Pick<Engine, 'info' | 'memory'>,
  config: ModelConfig,
  dtype: WeightDtype,
  /** Of a matrix by its name, as it comes to the engine. */
  formatOf: (name: string) => WeightFormat,
): WeightRoom {
  const { info } = engine
  const isHalf = dtype === 'auto' && info.precision !== 'float32'
  const kept = (name: string): WeightFormat => {
    const format = formatOf(name)
    if (isQuantized(format)) return info.keepsQuantized ? format : 'float32'
    return isHalf ? 'bfloat16' : format
  }
  const bytes = weightBytes(config, kept)
  const held = info.tensorLimit + largeMatrixBytes(config, kept, info.outsideFrom)
  return { bytes, limit: Math.min(held, engine.memory().available), reason: bytes > held ? info.limitReason : null }
}
