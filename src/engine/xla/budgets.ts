import type { ModelConfig } from '../../model/config.js'
import { cacheTypes } from '../../xla/programs/samplingCache.js'
import type { CacheShape } from '../../xla/programs/samplingCache.js'
import type { FloatType } from '../../xla/programs/decoderArrays.js'
import { bytesOf } from '../../xla/types.js'
import type { ArrayType } from '../../xla/types.js'
import type { EngineBudgets } from '../engine.js'
import { countBucket, tokenBucket } from './buckets.js'
import { groupsOfPrompt, rowsOfGroup } from './rowSlots.js'

const MEBIBYTE = 2 ** 20

/** How much is computed at one time: on a device with memory of its own parts of it. */
export function budgetsOf(ownMemory: number | null /* bytes */): EngineBudgets {
  if (ownMemory === null) {
    return {
      decodeRows: 64,
      logitBytes: 64 * MEBIBYTE,
      cacheBytes: 1024 * MEBIBYTE,
      prefillTokens: 4096,
      activationBytes: 1024 * MEBIBYTE,
    }
  }
  return {
    decodeRows: 512,
    // A product of a thousand rows keeps any card busy.
    logitBytes: Math.min(Math.floor(ownMemory / 32), 1024 * MEBIBYTE),
    cacheBytes: Math.floor(ownMemory / 4),
    prefillTokens: 16_384,
    activationBytes: Math.floor(ownMemory / 4),
  }
}

/** What is sampled together at its largest. */
export interface SamplingSizes {
  readonly prompts: number
  /** Tokens of the longest prompt. */
  readonly promptTokens: number
  readonly numGenerations: number
  readonly maxCompletionLength: number
}

/** The cache for that: as many groups as there are, fewer where they would take more than the budgets allow, but always one. */
export function cacheShape(
  config: ModelConfig,
  weightType: FloatType,
  budgets: EngineBudgets,
  fewestTokens: number,
  { prompts, promptTokens, numGenerations, maxCompletionLength }: SamplingSizes,
): CacheShape {
  const rows = rowsOfGroup(numGenerations)
  const shape = {
    groups: 1,
    promptTokens: tokenBucket(promptTokens - 1, fewestTokens),
    rows,
    tokens: tokenBucket(maxCompletionLength, fewestTokens),
  }
  const bytes = Object.values<ArrayType>({ ...cacheTypes(config, weightType, shape) }).reduce(
    (sum, type) => sum + bytesOf(type),
    0,
  )
  const fitting = Math.min(
    budgets.decodeRows / rows,
    budgets.logitBytes / (4 * config.vocabularySize * rows),
    budgets.cacheBytes / bytes,
  )
  const wanted = countBucket(prompts * groupsOfPrompt(numGenerations))
  const groups = Math.min(wanted, 2 ** Math.floor(Math.log2(Math.max(1, fitting))))
  return { ...shape, groups }
}

/** Places in a sequence that the estimate of a token's attention is made for. */
const TYPICAL_LENGTH = 1024

/**
 * Tokens that are trained on together where nobody says how many: what is kept for the gradient and the activations of one layer take
 * the budget of activations. It depends on the model and the budget alone.
 */
export function maximumTokens(config: ModelConfig, { activationBytes }: EngineBudgets): number {
  const { numLayers, hiddenSize, intermediateSize, numHeads, headDim } = config
  // Of a layer: what its forward pass computes, the gradients of that, scores and weights of attention and their gradients.
  const layer = 8 * hiddenSize + 6 * intermediateSize + 8 * numHeads * headDim + 4 * numHeads * TYPICAL_LENGTH
  return Math.max(1, Math.floor(activationBytes / (4 * (numLayers * hiddenSize + layer))))
}
