import type { Engine, EngineModel, ModelSource } from '../engine/engine.js'
import { EngineError, OutOfDeviceMemoryError } from '../errors.js'
import { memorySize } from '../io/units.js'
import type { ModelWeights } from '../model/weights/modelWeights.js'
import { matrixAs } from '../model/weights/weightDtype.js'
import type { WeightFormat } from '../quantization/weightFormat.js'
import { fewerBits } from './fewerBits.js'
import { weightRoom } from './weightRoom.js'

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
  const formatOf = (name: string): WeightFormat => matrixAs(weights, name, dtype).format
  const { bytes, limit, reason } = weightRoom(engine, config, dtype, formatOf)
  if (bytes <= limit) return
  const advice = fewerBits(source, engine.info, limit)
  throw new EngineError(
    `the weights of ${folder} take ${memorySize(bytes)} (${weightFormat}), and the engine ${engine.info.name} can hold ${memorySize(limit)} here` +
      `${reason === null ? '' : `: ${reason}`}; ${advice === null ? 'take a smaller model' : `${advice}, or a smaller model`}`,
  )
}
