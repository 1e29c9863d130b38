import type { ModelConfig } from '../config.js'
import { checkTensors, checkTiedOutputHead } from '../modelTensors.js'
import { openFloatWeights } from './floatWeights.js'
import type { ModelWeights } from './modelWeights.js'

/**
 * Opens the weights of a model, quantised or not, and checks that they are those of its config.
 * @throws FileFormatError when tensors are missing, surplus or of another shape than the config says, UnsupportedError for a kind of
 *   quantisation that is not read
 */
export function openModelWeights(folder: string, config: ModelConfig): ModelWeights {
  const weights = openFloatWeights(folder)
  try {
    checkTensors(config, weights.shapes, folder)
    checkTiedOutputHead(config, weights)
    return weights
  } catch (error) {
    weights.close()
    throw error
  }
}
