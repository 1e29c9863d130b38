import * as tf from '../../bundled/tfjs.js'
import type { Safetensors } from '../../io/safetensors.js'
import { createWeight } from '../../ops/weight.js'
import type { Weight } from '../../ops/weight.js'
import type { ModelConfig } from '../../model/config.js'
import type { DecoderLayer, DecoderWeights, LinearLayer } from './decoder.js'
import { checkTensors, checkTiedOutputHead, projectionName, projections } from '../../model/modelTensors.js'
import type { Projection } from '../../model/modelTensors.js'

/**
 * Reads a decoder's frozen weights, one tensor at a time. Matrices that are stored in bfloat16 stay so where the backend has
 * kernels for them, unless float32 is asked for; everything else becomes float32.
 * @throws FileFormatError when tensors are missing, surplus or of another shape than the config says
 */
export function loadWeights(
  config: ModelConfig,
  tensors: Safetensors,
  file: string,
  dtype: 'auto' | 'float32',
): DecoderWeights {
  checkTensors(config, new Map(tensors.names().map((name) => [name, tensors.info(name).shape])), file)
  checkTiedOutputHead(config, tensors, file)
  const made: { dispose(): void }[] = []
  try {
    return readWeights(config, tensors, dtype, made)
  } catch (error) {
    for (const weight of made) weight.dispose()
    throw error
  }
}

function readWeights(
  config: ModelConfig,
  tensors: Safetensors,
  dtype: 'auto' | 'float32',
  /** Takes what is made, to be freed when a later tensor cannot be read. */
  made: { dispose(): void }[],
): DecoderWeights {
  const noted = <T extends { dispose(): void }>(weight: T): T => {
    made.push(weight)
    return weight
  }
  const vector = (name: string): tf.Tensor1D => noted(tf.keep(tf.tensor1d(tensors.readFloat32(name))))
  const optionalVector = (name: string): tf.Tensor1D | null => (tensors.has(name) ? vector(name) : null)
  const matrix = (name: string): Weight => {
    const { shape, dtype: stored } = tensors.info(name)
    const values = dtype === 'auto' && stored === 'BF16' ? tensors.readBfloat16Bits(name) : tensors.readFloat32(name)
    return noted(createWeight(shape as [number, number], values))
  }
  return assembleWeights(config, { matrix, vector, optionalVector })
}

/** Where {@link assembleWeights} takes the tensors from, by their names in a model's file. */
export interface WeightSource {
  readonly matrix: (name: string) => Weight
  readonly vector: (name: string) => tf.Tensor1D
  /** Null for a tensor that the model does not have. */
  readonly optionalVector: (name: string) => tf.Tensor1D | null
}

/** Puts a decoder together from its tensors. */
export function assembleWeights(config: ModelConfig, { matrix, vector, optionalVector }: WeightSource): DecoderWeights {
  const layers = Array.from({ length: config.numLayers }, (_, layer): DecoderLayer => {
    const prefix = `model.layers.${layer}`
    const linear = (projection: Projection): LinearLayer => {
      const name = projectionName(layer, projection)
      return { weight: matrix(`${name}.weight`), bias: optionalVector(`${name}.bias`) }
    }
    return {
      inputNorm: vector(`${prefix}.input_layernorm.weight`),
      postAttentionNorm: vector(`${prefix}.post_attention_layernorm.weight`),
      projections: Object.fromEntries(projections.map((name) => [name, linear(name)])) as Record<
        Projection,
        LinearLayer
      >,
      queryNorm: optionalVector(`${prefix}.self_attn.q_norm.weight`),
      keyNorm: optionalVector(`${prefix}.self_attn.k_norm.weight`),
    }
  })
  const embedding = matrix('model.embed_tokens.weight')
  return {
    embedding,
    layers,
    finalNorm: vector('model.norm.weight'),
    outputHead: config.tieWordEmbeddings ? embedding : matrix('lm_head.weight'),
  }
}

/** Bytes of a decoder's weights. */
export function weightBytes(weights: DecoderWeights): number {
  const matrix = ({ shape, dtype }: Weight): number => shape[0] * shape[1] * (dtype === 'bfloat16' ? 2 : 4)
  let bytes = matrix(weights.embedding) + 4 * weights.finalNorm.size
  if (weights.outputHead !== weights.embedding) bytes += matrix(weights.outputHead)
  for (const layer of weights.layers) {
    for (const { weight, bias } of Object.values(layer.projections)) bytes += matrix(weight) + 4 * (bias?.size ?? 0)
    for (const norm of [layer.inputNorm, layer.postAttentionNorm, layer.queryNorm, layer.keyNorm]) {
      bytes += 4 * (norm?.size ?? 0)
    }
  }
  return bytes
}

/** Frees a decoder's weights. */
export function disposeWeights(weights: DecoderWeights): void {
  weights.embedding.dispose()
  if (weights.outputHead !== weights.embedding) weights.outputHead.dispose()
  weights.finalNorm.dispose()
  for (const layer of weights.layers) {
    for (const { weight, bias } of Object.values(layer.projections)) {
      weight.dispose()
      bias?.dispose()
    }
    for (const norm of [layer.inputNorm, layer.postAttentionNorm, layer.queryNorm, layer.keyNorm]) norm?.dispose()
  }
}
