import type { Engine, EngineModel, ModelSource } from '../engine/engine.js'
import { EngineError, OutOfDeviceMemoryError } from '../errors.js'
import { memorySize } from '../io/units.js'
import type { ModelWeights } from '../model/weights/modelWeights.js'
import { largeMatrixBytes, weightBytes } from '../model/weights/weightBytes.js'
import { matrixAs } from '../model/weights/weightDtype.js'
import { isQuantized } from '../quantization/weightFormat.js'
import type { WeightFormat } from '../quantization/weightFormat.js'
import { fewerBits } from './fewerBits.js'

/**
 * Loads a model's weights on an engine.
 * @throws EngineError that says what dtype would make them fit where they do not, before anything is read wherever that is known
 */
export async function loadWeights(engine: Engine, source: ModelSource, weights: ModelWeights): Promise<EngineModel> {
  checkSize(engine, source, weights)
  try {
    return await engine.load(source, weights)
  } catch (error) {
    const bits = fewerBits(source, engine.info)
    if (!(error instanceof OutOfDeviceMemoryError) || bits === null) throw error
    throw new OutOfDeviceMemoryError(`${error.message}, or ${bits}`, error.bytes, { cause: error })
  }
}

/** Throws an EngineError for weights that are too large by themselves: nobody is to wait for the system to end the process. */
function checkSize(engine: Engine, source: ModelSource, weights: ModelWeights): void {
  const { config, dtype, folder, weightFormat } = source
  const { info } = engine
  const isHalf = dtype === 'auto' && info.precision !== 'float32'
  const formatOf = (name: string): WeightFormat => {
    const { format } = matrixAs(weights, name, dtype)
    if (isQuantized(format)) return info.keepsQuantized ? format : 'float32'
    return isHalf ? 'bfloat16' : format
  }
  const bytes = weightBytes(config, formatOf)
  const outside = largeMatrixBytes(config, formatOf, info.outsideFrom)
  const limit = Math.min(info.tensorLimit + outside, engine.memory().available)
  if (bytes <= limit) return
  const advice = fewerBits(source, info, limit)
  const reason = bytes > info.tensorLimit + outside && info.limitReason ? `: ${info.limitReason}` : ''
  throw new EngineError(
    `the weights of ${folder} take ${memorySize(bytes)} (${weightFormat}), and the engine ${info.name} can hold ${memorySize(limit)} here` +
      `${reason}; ${advice === null ? 'take a smaller model' : `${advice}, or a smaller model`}`,
  )
}
