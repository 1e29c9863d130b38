import type { ModelConfig } from '../../model/config.js'
import type { LoraModule } from '../../model/loraOptions.js'
import { projections, projectionShape } from '../../model/modelTensors.js'
import type { ArrayType, ElementType } from '../types.js'

/** The type of weights, and of what products multiply; sums are float32 always. */
export type FloatType = Extract<ElementType, 'f32' | 'bf16' | 'f16'>

/**
 * Something of each array of a decoder's layers: of all of them, stacked [L, …], or of one. Projections that read the same input are
 * one matrix: one product instead of three.
 */
export interface LayerArrays<Value> {
  readonly inputNorm: Value // [D]
  readonly postAttentionNorm: Value // [D]
  readonly queryKeyValue: Value // [(H + 2 G) · headDim, D]
  readonly queryKeyValueBias: Value | null // [(H + 2 G) · headDim]
  readonly queryNorm: Value | null // [headDim]
  readonly keyNorm: Value | null // [headDim]
  readonly output: Value // [D, H · headDim]
  readonly outputBias: Value | null // [D]
  readonly gateUp: Value // [2 F, D]
  readonly gateUpBias: Value | null // [2 F]
  readonly down: Value // [D, F]
  readonly downBias: Value | null // [D]
}

/** Something of each array of a decoder. */
export interface DecoderArrays<Value> {
  readonly embedding: Value // [V, D]
  /** Null where it is the embedding. */
  readonly head: Value | null // [V, D]
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

/** Types of a decoder's arrays, layers stacked. */
export function decoderTypes(config: ModelConfig, weightType: FloatType): DecoderArrays<ArrayType> {
  const { numLayers, hiddenSize, intermediateSize, headDim, vocabularySize } = config
  const attention = config.numHeads * headDim
  const fused = attention + 2 * config.numKeyValueHeads * headDim
  const matrix = (...shape: number[]): ArrayType => ({ dtype: weightType, shape })
  const vectors = (size: number): ArrayType => ({ dtype: 'f32', shape: [numLayers, size] })
  const { queryKeyValue, output } = config.attentionBias
  return {
    embedding: matrix(vocabularySize, hiddenSize),
    head: config.tieWordEmbeddings ? null : matrix(vocabularySize, hiddenSize),
    finalNorm: { dtype: 'f32', shape: [hiddenSize] },
    layers: {
      inputNorm: vectors(hiddenSize),
      postAttentionNorm: vectors(hiddenSize),
      queryKeyValue: matrix(numLayers, fused, hiddenSize),
      queryKeyValueBias: queryKeyValue ? vectors(fused) : null,
      queryNorm: config.queryKeyNorm ? vectors(headDim) : null,
      keyNorm: config.queryKeyNorm ? vectors(headDim) : null,
      output: matrix(numLayers, hiddenSize, attention),
      outputBias: output ? vectors(hiddenSize) : null,
      gateUp: matrix(numLayers, 2 * intermediateSize, hiddenSize),
      gateUpBias: config.mlpBias ? vectors(2 * intermediateSize) : null,
      down: matrix(numLayers, hiddenSize, intermediateSize),
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
  const entries = Object.entries(layers) as [keyof LayerArrays<From>, From | null][]
  return Object.fromEntries(
    entries.map(([name, value]) => [name, value === null ? null : change(value, name)]),
  ) as unknown as LayerArrays<To>
}

/** The same of all arrays of a decoder. */
export function mapDecoder<From, To>(
  { embedding, head, finalNorm, layers }: DecoderArrays<From>,
  change: (value: From, name: ArrayName) => To,
): DecoderArrays<To> {
  return {
    embedding: change(embedding, 'embedding'),
    head: head === null ? null : change(head, 'head'),
    finalNorm: change(finalNorm, 'finalNorm'),
    layers: mapLayers(layers, change),
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
  const stacks = Object.values(layers) as (Value | null)[]
  return [embedding, head, finalNorm, ...stacks].filter((value): value is Value => value !== null)
}

/** All arrays of an adapter, in the order in which programs take them. */
export function listAdapter<Value>(adapter: AdapterArrays<Value>): Value[] {
  return Object.values(adapter).flatMap(({ a, b, scale }) => [a, b, scale])
}
