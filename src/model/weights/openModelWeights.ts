import type { ModelConfig } from '../config.js'
import { checkTensors, checkTiedOutputHead } from '../modelTensors.js'
import type { QuantizationConfig } from '../quantizationConfig.js'
import { openBitsandbytes } from './bitsandbytes.js'
import { openFloatWeights } from './floatWeights.js'
import type { ModelWeights } from './modelWeights.js'

/**
 * Opens the weights of a model, quantised or not, and checks that they are those of its config.
 * @throws FileFormatError when tensors are missing, surplus or of another shape than the config says, UnsupportedError for an
 *   arrangement of quantised weights that is not read
 */
export function openModelWeights(folder: string, config: ModelConfig): ModelWeights {
  const weights = openWeights(folder, config.quantization)
  try {
    checkTensors(config, weights.shapes, folder)
    checkTiedOutputHead(config, weights)
    return weights
  } catch (error) {
    weights.close()
    throw error
  }
}

function openWeights(folder: string, quantization: QuantizationConfig | null): ModelWeights {
  if (quantization === null) return openFloatWeights(folder)
  return openBitsandbytes(folder, quantization)
}
