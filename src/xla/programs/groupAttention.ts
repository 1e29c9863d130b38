import type { Node } from '../graph/node.js'
import * as hlo from '../graph/operations.js'
import type { BatchShape } from './batch.js'
import { multiplier } from './decoderLayer.js'
import type { ProgramModel } from './decoderLayer.js'
import { hideUnless, softmax } from './softmax.js'

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
      multiply(promptQueries, promptKeys, {
        batch: [
          [0, 2],
          [0, 2],
        ],
        contract: [[4], [3]],
      }),
    )
    const promptWeights = softmax(hideUnless(isNotAfter(promptScores, 4, 2), promptScores))
    const promptMixed = multiply(promptWeights, promptValues, {
      batch: [
        [0, 1],
        [0, 2],
      ],
      contract: [[4], [1]],
    })
    const ofPromptTokens = hlo.reshape(hlo.transpose(promptMixed, [0, 2, 1, 3, 4]), [border, numHeads * headDim])
    if (rows === 0) return ofPromptTokens

    const rowQueries = ofRows(queries, groups, rows, tokens, heads, shared, headDim)
    const rowKeys = ofRows(keys, groups, rows, tokens, heads, headDim)
    const rowValues = ofRows(values, groups, rows, tokens, heads, headDim)
    // [groups, rows, heads, query, shared, key]
    const ownScores = scaled(
      multiply(rowQueries, rowKeys, {
        batch: [
          [0, 1, 3],
          [0, 1, 3],
        ],
        contract: [[5], [4]],
      }),
    )
    // [groups, heads, rows, query, shared, key]
    const prefixScores = scaled(
      multiply(rowQueries, promptKeys, {
        batch: [
          [0, 3],
          [0, 2],
        ],
        contract: [[5], [3]],
      }),
    )
    const isPrompt = hlo.compare(
      hlo.iota(5, prefixScores.shape),
      'LT',
      hlo.repeatRows(promptLengths, prefixScores.shape),
    )
    const weights = softmax(
      hlo.concatenate(
        [
          hlo.transpose(hideUnless(isPrompt, prefixScores), [0, 2, 1, 3, 4, 5]),
          hideUnless(isNotAfter(ownScores, 5, 3), ownScores),
        ],
        5,
      ),
    )
    const prefixWeights = hlo.transpose(hlo.sliceAlong(weights, 5, 0, promptTokens), [0, 2, 1, 3, 4, 5])
    const ownWeights = hlo.sliceAlong(weights, 5, promptTokens, promptTokens + tokens)
    const fromPrefix = multiply(prefixWeights, promptValues, {
      batch: [
        [0, 1],
        [0, 2],
      ],
      contract: [[5], [1]],
    })
    const fromOwn = multiply(ownWeights, rowValues, {
      batch: [
        [0, 1, 2],
        [0, 1, 3],
      ],
      contract: [[5], [2]],
    })
    const mixed = hlo.add(hlo.transpose(fromPrefix, [0, 2, 3, 1, 4, 5]), hlo.transpose(fromOwn, [0, 1, 3, 2, 4, 5]))
    return hlo.concatenate([ofPromptTokens, hlo.reshape(mixed, [groups * rows * tokens, numHeads * headDim])], 0)
  }
}

/** Whether a key stands not after its query. */
function isNotAfter(scores: Node, keyDimension: number, queryDimension: number): Node {
  return hlo.compare(hlo.iota(keyDimension, scores.shape), 'LE', hlo.iota(queryDimension, scores.shape))
}
