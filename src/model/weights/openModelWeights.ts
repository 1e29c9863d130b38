import type { ModelConfig } from '../config.js'
import { ggufFileOf } from '../gguf/ggufFileOf.js'
import { openGgufWeights } from '../gguf/ggufWeights.js'
import { checkTensors, checkTiedOutputHead } from '../modelTensors.js'
import { openAwq } from './awq.js'
import { openBitsandbytes } from './bitsandbytes.js'
import { openCompressedTensors } from './compressedTensors.js'
import { openFloatWeights } from './floatWeights.js'
import { openGptq } from './gptq.js'
import type { ModelWeights } from './modelWeights.js'
import { openQuantizedCopy } from './quantizedCopyWeights.js'

/**
 * Opens the weights of a model, quantised or not, and checks that they are those of its config.
 * @throws FileFormatError when tensors are missing, surplus or of another shape than the config says, UnsupportedError for an
 *   arrangement of quantised weights that is not read
 */
export function openModelWeights(folder: string, config: ModelConfig): ModelWeights {
  const weights = openWeights(folder, config)
  try {
    checkTensors(config, weights.shapes, folder)
    checkTiedOutputHead(config, weights)
    return weights
  } catch (error) {
    weights.close()
    throw error
  }
}

function openWeights(folder: string, config: ModelConfig): ModelWeights {
  const gguf = ggufFileOf(folder)
  if (gguf !== null) return openGgufWeights(gguf, config)
  const { quantization } = config
  switch (quantization?.method) {
    case undefined:
      return openFloatWeights(folder)
    case 'bitsandbytes':
      return openBitsandbytes(folder, quantization)
    case 'gptq':
      return openGptq(folder, config, quantization)
    case 'awq':
      return openAwq(folder, config, quantization)
    case 'compressed-tensors':
      return openCompressedTensors(folder, quantization)
    case 'grpo-ts':
      return openQuantizedCopy(folder, config, quantization)
  }
}
