import type { ModelConfig } from '../../model/config.js'
import type { ArrayType } from '../types.js'
import type { FloatType } from './decoderArrays.js'

/** How completions lie in the cache while they are sampled: groups of rows, each group behind a prompt. */
export interface CacheShape {
  readonly groups: number
  /** Places for the tokens of a prompt, all but its last. */
  readonly promptTokens: number
  /** Rows of a group. */
  readonly rows: number
  /** Places for the own tokens of a row: the last of the prompt, then all of the completion but its last. */
  readonly tokens: number
}

/** Keys and values. Keys have their tokens last: so XLA reads both without copying the cache into another layout. */
export interface CacheArrays<Value> {
  readonly promptKeys: Value // [L, groups, G, headDim, promptTokens]
  readonly promptValues: Value // [L, groups, G, promptTokens, headDim]
  readonly keys: Value // [L, groups · rows, G, headDim, tokens]
  readonly values: Value // [L, groups · rows, G, tokens, headDim]
}

/** Types of the cache's arrays. */
export function cacheTypes(
  { numLayers, numKeyValueHeads, headDim }: ModelConfig,
  weightType: FloatType,
  { groups, promptTokens, rows, tokens }: CacheShape,
): CacheArrays<ArrayType> {
  const type = (...shape: number[]): ArrayType => ({ dtype: weightType, shape: [numLayers, ...shape] })
  return {
    promptKeys: type(groups, numKeyValueHeads, headDim, promptTokens),
    promptValues: type(groups, numKeyValueHeads, promptTokens, headDim),
    keys: type(groups * rows, numKeyValueHeads, headDim, tokens),
    values: type(groups * rows, numKeyValueHeads, tokens, headDim),
  }
}
