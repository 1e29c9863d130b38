import type { Node } from '../graph/node.js'
import * as hlo from '../graph/operations.js'
import type { BatchShape } from './batch.js'
import { multiplier } from './decoderLayer.js'
import type { ProgramModel } from './decoderLayer.js'
import { hideUnless, peaksOf, powersOf, sumsOf } from './softmax.js'

/**
 * Attention of prompts and of the rows behind them: a prompt's token sees those before it, a row's token its prompt and the row's
 * tokens before it. Scores and weights are float32.
 */
export function groupAttention(
  { config, weightType }: ProgramModel,
  { groups, promptTokens, rows, tokens }: BatchShape,
  promptLengths: Node, // [groups] i32
): (queries: Node, keys: Node, values: Node) => Node {
  const { numHeads, numKeyValueHeads: heads, headDim } = config
  const shared = numHeads / heads
  const border = groups * promptTokens
  const multiply = multiplier(weightType)
  const scaled = (scores: Node): Node => hlo.multiply(scores, headDim ** -0.5)

  return (queries, keys, values) => {
    const ofPrompts = (x: Node, ...shape: number[]): Node => hlo.reshape(hlo.sliceAlong(x, 0, 0, border), shape)
    const ofRows = (x: Node, ...shape: number[]): Node => hlo.reshape(hlo.sliceAlong(x, 0, border, x.shape[0]!), shape)
    const promptQueries = ofPrompts(queries, groups, promptTokens, heads, shared, headDim)
    const promptKeys = ofPrompts(keys, groups, promptTokens, heads, headDim)
    const promptValues = ofPrompts(values, groups, promptTokens, heads, headDim)
    // [groups, heads, query, shared, key]
    const promptScores = scaled(
      multiply(promptQueries, promptKeys, { batch: pairs([0, 2], [0, 2]), contract: pairs([4], [3]) }),
    )
    const visible = hideUnless(isNotAfter(promptScores, 4, 2), promptScores)
    const powers = powersOf(visible, peaksOf(visible))
    const promptMixed = multiply(powers, promptValues, { batch: pairs([0, 1], [0, 2]), contract: pairs([4], [1]) })
    const ofPromptTokens = hlo.reshape(hlo.transpose(divided(promptMixed, sumsOf(powers)), [0, 2, 1, 3, 4]), [
      border,
      numHeads * headDim,
    ])
    if (rows === 0) return ofPromptTokens

    const rowQueries = ofRows(queries, groups, rows, tokens, heads, shared, headDim)
    const rowKeys = ofRows(keys, groups, rows, tokens, heads, headDim)
    const rowValues = ofRows(values, groups, rows, tokens, heads, headDim)
    // Both [groups, heads, rows, query, shared, key]: as they are the largest arrays of all, they are never put into another order, nor
    // one behind the other; their weights have a peak and a sum in common.
    const ownScores = scaled(
      multiply(rowQueries, rowKeys, { batch: pairs([0, 3, 1], [0, 3, 1]), contract: pairs([5], [4]) }),
    )
    const prefixScores = scaled(
      multiply(rowQueries, promptKeys, { batch: pairs([0, 3], [0, 2]), contract: pairs([5], [3]) }),
    )
    const isPrompt = hlo.compare(
      hlo.iota(5, prefixScores.shape),
      'LT',
      hlo.repeatRows(promptLengths, prefixScores.shape),
    )
    const own = hideUnless(isNotAfter(ownScores, 5, 3), ownScores)
    const prefix = hideUnless(isPrompt, prefixScores)
    const peaks = hlo.maximum(peaksOf(own), peaksOf(prefix))
    const [ownPowers, prefixPowers] = [powersOf(own, peaks), powersOf(prefix, peaks)]
    const fromPrefix = multiply(prefixPowers, promptValues, { batch: pairs([0, 1], [0, 2]), contract: pairs([5], [1]) })
    const fromOwn = multiply(ownPowers, rowValues, { batch: pairs([0, 1, 2], [0, 3, 1]), contract: pairs([5], [2]) })
    const sums = hlo.add(sumsOf(ownPowers), sumsOf(prefixPowers))
    const mixed = hlo.transpose(divided(hlo.add(fromPrefix, fromOwn), sums), [0, 2, 3, 1, 4, 5])
    return hlo.concatenate([ofPromptTokens, hlo.reshape(mixed, [groups * rows * tokens, numHeads * headDim])], 0)
  }
}

/** Dimensions of the left side and of the right side that belong together. */
function pairs(left: readonly number[], right: readonly number[]): readonly [readonly number[], readonly number[]] {
  return [left, right]
}

/** Values that were mixed with weights, divided by the sums of the weights. */
function divided(mixed: Node /* […, headDim] */, sums: Node /* […] */): Node {
  return hlo.divide(mixed, hlo.repeatRows(sums, mixed.shape))
}

/** Whether a key stands not after its query. */
function isNotAfter(scores: Node, keyDimension: number, queryDimension: number): Node {
  return hlo.compare(hlo.iota(keyDimension, scores.shape), 'LE', hlo.iota(queryDimension, scores.shape))
}
