import type { ModelConfig } from '../../model/config.js'

/** Bytes that the activations of one forward pass may take; rows beyond it are computed after one another. */
const ACTIVATION_BYTES = 2 ** 30

/**
 * Bytes of activations that one token leaves for the gradient: in each layer the inputs of the norms and of the projections,
 * queries, keys, values and what attention made of them, gate, up and their product, all float32.
 */
export function activationBytesPerToken(config: ModelConfig): number {
  const queries = config.numHeads * config.headDim
  const keys = config.numKeyValueHeads * config.headDim
  const norms = config.queryKeyNorm ? queries + keys : 0
  const floats = 4 * config.hiddenSize + 2 * queries + config.numHeads + 2 * keys + norms + 3 * config.intermediateSize
  return 4 * config.numLayers * floats
}

/**
 * Tokens that are trained on together. Depends on the model alone, so that the same run gives the same bits on any machine:
 * how rows are cut changes the order in which their gradients are added.
 */
export function maximumTokens(config: ModelConfig): number {
  return Math.max(1, Math.floor(ACTIVATION_BYTES / activationBytesPerToken(config)))
}
