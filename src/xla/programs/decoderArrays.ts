import type { ModelConfig } from '../../model/config.js'
import type { LoraModule } from '../../model/loraOptions.js'
import { projections, projectionShape } from '../../model/modelTensors.js'
import type { QuantizedFormat } from '../../quantization/weightFormat.js'
import type { ArrayType, ElementType } from '../types.js'
import { listWeight, mapWeight, quantizedTypes } from './weightArrays.js'
import type { WeightArrays } from './weightArrays.js'

/** The type of weights, and of what products multiply; sums are float32 always. */
export type FloatType = Extract<ElementType, 'f32' | 'bf16' | 'f16'>

/**
 * Something of each array of a decoder's layers: of all of them, stacked [L, …], or of one. Projections that read the same input are
 * one matrix: one product instead of three.
 */
export interface LayerArrays<Value> {
  readonly inputNorm: Value // [D]
  readonly postAttentionNorm: Value // [D]
  readonly queryKeyValue: WeightArrays<Value> // [(H + 2 G) · headDim, D]
  readonly queryKeyValueBias: Value | null // [(H + 2 G) · headDim]
  readonly queryNorm: Value | null // [headDim]
  readonly keyNorm: Value | null // [headDim]
  readonly output: WeightArrays<Value> // [D, H · headDim]
  readonly outputBias: Value | null // [D]
  readonly gateUp: WeightArrays<Value> // [2 F, D]
  readonly gateUpBias: Value | null // [2 F]
  readonly down: WeightArrays<Value> // [D, F]
  readonly downBias: Value | null // [D]
}

/** Something of each array of a decoder. */
export interface DecoderArrays<Value> {
  readonly embedding: WeightArrays<Value> // [V, D]
  /** Null where it is the embedding. */
  readonly head: WeightArrays<Value> | null // [V, D]
  readonly finalNorm: Value // [D]
  readonly layers: LayerArrays<Value>
}

/** Something of each array of an adapted module. */
export interface LoraArrays<Value> {
  readonly a: Value // [r, in]
  readonly b: Value // [out, r]
  readonly scale: Value // []
}

/** Something of each array of an adapter, by its modules. */
export type AdapterArrays<Value> = Readonly<Partial<Record<LoraModule, LoraArrays<Value>>>>

/** Rows of the fused matrices, of the projections that they are made of, in their order. */
export function fusedRows(config: ModelConfig): {
  queryKeyValue: readonly [query: number, key: number, value: number]
  gateUp: readonly [gate: number, up: number]
} {
  const rows = (name: LoraModule): number => projectionShape(config, name)[0]
  return {
    queryKeyValue: [rows('q_proj'), rows('k_proj'), rows('v_proj')],
    gateUp: [rows('gate_proj'), rows('up_proj')],
  }
}

/** The matrices of a decoder. */
export const matrixNames = ['embedding', 'head', 'queryKeyValue', 'output', 'gateUp', 'down'] as const
export type MatrixName = (typeof matrixNames)[number]

/** Formats of those matrices that are quantised. */
export type MatrixFormats = Readonly<Partial<Record<MatrixName, QuantizedFormat>>>

/** Types of a decoder's arrays, layers stacked. */
export function decoderTypes(
  config: ModelConfig,
  weightType: FloatType,
  formats: MatrixFormats = {},
): DecoderArrays<ArrayType> {
  const { numLayers, hiddenSize, intermediateSize, headDim, vocabularySize } = config
  const attention = config.numHeads * headDim
  const fused = attention + 2 * config.numKeyValueHeads * headDim
  const matrix = (name: MatrixName, ...shape: number[]): WeightArrays<ArrayType> =>
    formats[name] ? quantizedTypes(shape, formats[name]) : { dtype: weightType, shape }
  const vectors = (size: number): ArrayType => ({ dtype: 'f32', shape: [numLayers, size] })
  const { queryKeyValue, output } = config.attentionBias
  return {
    embedding: matrix('embedding', vocabularySize, hiddenSize),
    head: config.tieWordEmbeddings ? null : matrix('head', vocabularySize, hiddenSize),
    finalNorm: { dtype: 'f32', shape: [hiddenSize] },
    layers: {
      inputNorm: vectors(hiddenSize),
      postAttentionNorm: vectors(hiddenSize),
      queryKeyValue: matrix('queryKeyValue', numLayers, fused, hiddenSize),
      queryKeyValueBias: queryKeyValue ? vectors(fused) : null,
      queryNorm: config.queryKeyNorm ? vectors(headDim) : null,
      keyNorm: config.queryKeyNorm ? vectors(headDim) : null,
      output: matrix('output', numLayers, hiddenSize, attention),
      outputBias: output ? vectors(hiddenSize) : null,
      gateUp: matrix('gateUp', numLayers, 2 * intermediateSize, hiddenSize),
      gateUpBias: config.mlpBias ? vectors(2 * intermediateSize) : null,
      down: matrix('down', numLayers, hiddenSize, intermediateSize),
      downBias: config.mlpBias ? vectors(hiddenSize) : null,
    },
  }
}

/** Types of an adapter's arrays, layers stacked, of modules with their largest rank. */
export function adapterTypes(
  config: ModelConfig,
  ranks: Readonly<Partial<Record<LoraModule, number>>>,
): AdapterArrays<ArrayType> {
  const { numLayers } = config
  const stacked = (...shape: number[]): ArrayType => ({ dtype: 'f32', shape: [numLayers, ...shape] })
  const entries = projections.flatMap((name) => {
    const rank = ranks[name]
    if (rank === undefined) return []
    const [outSize, inSize] = projectionShape(config, name)
    return [[name, { a: stacked(rank, inSize), b: stacked(outSize, rank), scale: stacked() }]]
  })
  return Object.fromEntries(entries) as AdapterArrays<ArrayType>
}

/** The name of one of a decoder's arrays. */
export type ArrayName = keyof LayerArrays<unknown> | Exclude<keyof DecoderArrays<unknown>, 'layers'>

/** The same of all arrays of the layers. */
export function mapLayers<From, To>(
  layers: LayerArrays<From>,
  change: (value: From, name: ArrayName) => To,
): LayerArrays<To> {
  return mapLayerWeights(layers, (weight, name) => mapWeight(weight, (value) => change(value, name)))
}

function mapLayerWeights<From, To>(
  layers: LayerArrays<From>,
  change: (weight: WeightArrays<From>, name: ArrayName) => WeightArrays<To>,
): LayerArrays<To> {
  const entries = Object.entries(layers) as [keyof LayerArrays<From>, WeightArrays<From> | null][]
  return Object.fromEntries(
    entries.map(([name, weight]) => [name, weight === null ? null : change(weight, name)]),
  ) as unknown as LayerArrays<To>
}

/** The same of all arrays of a decoder. */
export function mapDecoder<From, To>(
  decoder: DecoderArrays<From>,
  change: (value: From, name: ArrayName) => To,
): DecoderArrays<To> {
  return mapDecoderWeights(decoder, (weight, name) => mapWeight(weight, (value) => change(value, name)))
}

/** The same of all matrices and vectors of a decoder; vectors have one array, and become one. */
export function mapDecoderWeights<From, To>(
  { embedding, head, finalNorm, layers }: DecoderArrays<From>,
  change: (weight: WeightArrays<From>, name: ArrayName) => WeightArrays<To>,
): DecoderArrays<To> {
  return {
    embedding: change(embedding, 'embedding'),
    head: head === null ? null : change(head, 'head'),
    finalNorm: change(finalNorm, 'finalNorm') as To,
    layers: mapLayerWeights(layers, change),
  }
}

/** The same of all arrays of an adapter. */
export function mapAdapter<From, To>(adapter: AdapterArrays<From>, change: (value: From) => To): AdapterArrays<To> {
  const entries = Object.entries(adapter) as [LoraModule, LoraArrays<From>][]
  return Object.fromEntries(
    entries.map(([name, { a, b, scale }]) => [name, { a: change(a), b: change(b), scale: change(scale) }]),
  )
}

/** All arrays of a decoder, in the order in which programs take them. */
export function listDecoder<Value>({ embedding, head, finalNorm, layers }: DecoderArrays<Value>): Value[] {
  return [...[embedding, head, finalNorm].flatMap(listIfAny), ...listLayers(layers)]
}

/** All arrays of the layers, in the order in which programs take them. */
export function listLayers<Value>(layers: LayerArrays<Value>): Value[] {
  return (Object.values(layers) as (WeightArrays<Value> | null)[]).flatMap(listIfAny)
}

function listIfAny<Value>(weight: WeightArrays<Value> | null): Value[] {
  return weight === null ? [] : listWeight(weight)
}

/** All arrays of an adapter, in the order in which programs take them. */
export function listAdapter<Value>(adapter: AdapterArrays<Value>): Value[] {
  return Object.values(adapter).flatMap(({ a, b, scale }) => [a, b, scale])
}
