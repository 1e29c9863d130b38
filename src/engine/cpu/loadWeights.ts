import type { CpuBackend } from '../../backend/cpu/backend.js'
import * as tf from '../../bundled/tfjs.js'
import type { ModelConfig } from '../../model/config.js'
import { projectionName, projections } from '../../model/modelTensors.js'
import type { Projection } from '../../model/modelTensors.js'
import { forEachTensor } from '../../model/weights/forEachTensor.js'
import type { ModelWeights } from '../../model/weights/modelWeights.js'
import { matrixAs } from '../../model/weights/weightDtype.js'
import { readWeight } from '../../ops/weight.js'
import type { PackedWeight, Weight } from '../../ops/weight.js'
import { formatBytes } from '../../quantization/weightFormat.js'
import type { ModelSource } from '../engine.js'
import type { DecoderLayer, DecoderWeights, LinearLayer } from './decoder.js'

/**
 * Reads a decoder's frozen weights, one tensor at a time. Matrices stay in the wanted format where the backend has kernels for it;
 * everything else becomes float32.
 * @throws FileFormatError for a file that is not what it should be, ConfigError for a dtype that the weights cannot take
 */
export async function loadWeights(
  config: ModelConfig,
  weights: ModelWeights,
  { dtype, onProgress }: Pick<ModelSource, 'dtype' | 'onProgress'>,
): Promise<DecoderWeights> {
  const vectors = new Map<string, tf.Tensor1D>()
  const matrices = new Map<string, Weight>()
  try {
    await forEachTensor(config, weights, onProgress, (name, isMatrix) => {
      if (isMatrix) matrices.set(name, readWeight(matrixAs(weights, name, dtype)))
      else vectors.set(name, tf.keep(tf.tensor1d(weights.vector(name))))
    })
  } catch (error) {
    for (const made of [...vectors.values(), ...matrices.values()]) made.dispose()
    throw error
  }
  return assembleWeights(config, {
    matrix: (name) => matrices.get(name)!,
    vector: (name) => vectors.get(name)!,
    optionalVector: (name) => vectors.get(name) ?? null,
  })
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

/** The matrices of a decoder. */
function matricesOf({ embedding, layers, outputHead }: DecoderWeights): readonly Weight[] {
  const ofLayers = layers.flatMap(({ projections }) => Object.values(projections).map(({ weight }) => weight))
  return [embedding, ...ofLayers, ...(outputHead === embedding ? [] : [outputHead])]
}

/** Bytes of the matrices that the cpu backend keeps in native memory. */
export function outsideBytes({ runtime }: CpuBackend, weights: DecoderWeights): number {
  const sizes = matricesOf(weights).map((weight) => 4 * (weight as PackedWeight).tensor.size)
  return sizes.filter((bytes) => runtime.keepsOutside(bytes)).reduce((sum, bytes) => sum + bytes, 0)
}

/** Bytes of a decoder's weights. */
export function weightBytes(weights: DecoderWeights): number {
  let bytes = 4 * weights.finalNorm.size
  for (const { shape, format } of matricesOf(weights)) bytes += formatBytes(shape, format)
  for (const layer of weights.layers) {
    for (const { bias } of Object.values(layer.projections)) bytes += 4 * (bias?.size ?? 0)
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
