import type { ModelConfig } from '../../model/config.js'
import type { LoraAdapter } from '../../model/lora.js'
import { projectionShape } from '../../model/modelTensors.js'

/** Bytes that the activations of one forward pass may take; rows beyond it are computed after one another. */
export const ACTIVATION_BYTES = 2 ** 30

/**
 * Bytes of activations that one token leaves for the gradient: in each layer the inputs of the norms and of the projections,
 * queries, keys, values and what attention made of them, gate, up and their product, all float32. With dropout also what is left of
 * the input of each adapted layer.
 */
export function activationBytesPerToken(config: ModelConfig, adapter: LoraAdapter | null): number {
  const queries = config.numHeads * config.headDim
  const keys = config.numKeyValueHeads * config.headDim
  const norms = config.queryKeyNorm ? queries + keys : 0
  const floats = 4 * config.hiddenSize + 2 * queries + config.numHeads + 2 * keys + norms + 3 * config.intermediateSize
  return 4 * (config.numLayers * floats + dropoutFloats(config, adapter))
}

/** With dropout each adapted layer keeps an input of its own, and none keeps that which they share. */
function dropoutFloats(config: ModelConfig, adapter: LoraAdapter | null): number {
  if (!adapter?.dropout) return 0
  const own = adapter.entries.reduce((sum, { module }) => sum + projectionShape(config, module)[1], 0)
  return own - config.numLayers * (2 * config.hiddenSize + config.intermediateSize)
}

/**
 * Tokens that are trained on together. Depends on model and adapter alone, so that the same run gives the same bits on any
 * machine: how rows are cut changes the order in which their gradients are added.
 */
export function maximumTokens({ config, adapter }: { config: ModelConfig; adapter: LoraAdapter | null }): number {
  return Math.max(1, Math.floor(ACTIVATION_BYTES / activationBytesPerToken(config, adapter)))
}
