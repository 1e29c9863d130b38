import type { Node } from '../graph/node.js'
import * as hlo from '../graph/operations.js'
import type { ProgramModel } from './decoderLayer.js'
import type { CacheArrays, CacheShape } from './samplingCache.js'
import { hideUnless, peaksOf, powersOf, sumsOf } from './softmax.js'

/** Where the newest tokens of all rows go, and what they see. */
export interface DecodePlaces {
  readonly layer: Node // [] i32
  /** Place of each row's newest token among its own. */
  readonly lengths: Node // [B] i32
  readonly promptLengths: Node // [groups] i32
}

/**
 * Attention of each row's newest token, whose key and value it writes to the cache before, to the row's own tokens and to the prompt of
 * its group. Returns what was mixed, [B, H · headDim], and the row's part of the cache.
 */
export function decodeAttention(
  { config, weightType }: ProgramModel,
  { groups, rows }: CacheShape,
  cache: CacheArrays<Node>,
  { layer, lengths, promptLengths }: DecodePlaces,
  [queries, newKeys, newValues]: readonly [Node, Node, Node], // [B, heads · headDim]
): { mixed: Node; keys: Node; values: Node } {
  const { numHeads, numKeyValueHeads: heads, headDim } = config
  const shared = numHeads / heads
  const all = groups * rows
  const places = hlo.concatenate(
    [hlo.broadcast(layer, [all, 1], []), hlo.iota(0, [all, 1]), hlo.reshape(lengths, [all, 1])],
    1,
  )
  const asNew = (x: Node): Node => hlo.convert(hlo.reshape(x, [all, heads, headDim]), weightType)
  const keys = hlo.putRows(cache.keys, places, asNew(newKeys), [0, 1, 4])
  const values = hlo.putRows(cache.values, places, asNew(newValues), [0, 1, 3])
  const [ownKeys, ownValues, promptKeys, promptValues] = [keys, values, cache.promptKeys, cache.promptValues].map(
    (stack) => hlo.entryOf(stack, layer),
  ) as [Node, Node, Node, Node]
  const asked = hlo.convert(hlo.reshape(queries, [all, heads, shared, headDim]), weightType)
  const scaled = (scores: Node): Node => hlo.multiply(scores, headDim ** -0.5)
  // [B, heads, shared, tokens]
  const ownScores = scaled(
    hlo.dot(asked, ownKeys, {
      batch: [
        [0, 1],
        [0, 1],
      ],
      contract: [[3], [2]],
    }),
  )
  const isOwn = hlo.compare(hlo.iota(3, ownScores.shape), 'LE', hlo.repeatRows(lengths, ownScores.shape))
  // [groups, heads, rows, shared, promptTokens]
  const promptScores = scaled(
    hlo.dot(hlo.reshape(asked, [groups, rows, heads, shared, headDim]), promptKeys, {
      batch: [
        [0, 2],
        [0, 1],
      ],
      contract: [[4], [2]],
    }),
  )
  const isPrompt = hlo.compare(hlo.iota(4, promptScores.shape), 'LT', hlo.repeatRows(promptLengths, promptScores.shape))
  // Of the prompt's scores only what a row has one number of is put into the order of the rows: [groups, heads, rows, …] to [B, heads, …].
  const own = hideUnless(isOwn, ownScores)
  const prompt = hideUnless(isPrompt, promptScores)
  const ofRows = (x: Node): Node => {
    const [, , , ...rest] = x.shape
    const inOrder = hlo.transpose(x, [0, 2, 1, ...rest.map((_, i) => 3 + i)])
    return hlo.reshape(inOrder, [all, heads, ...rest])
  }
  const ofGroups = (x: Node): Node => hlo.transpose(hlo.reshape(x, [groups, rows, heads, shared]), [0, 2, 1, 3])
  const peaks = hlo.maximum(peaksOf(own), ofRows(peaksOf(prompt)))
  const ownPowers = powersOf(own, peaks)
  const promptPowers = powersOf(prompt, ofGroups(peaks))
  const fromPrompt = hlo.dot(hlo.convert(promptPowers, weightType), promptValues, {
    batch: [
      [0, 1],
      [0, 1],
    ],
    contract: [[4], [2]],
  })
  const fromOwn = hlo.dot(hlo.convert(ownPowers, weightType), ownValues, {
    batch: [
      [0, 1],
      [0, 1],
    ],
    contract: [[3], [2]],
  })
  const sums = hlo.add(sumsOf(ownPowers), ofRows(sumsOf(promptPowers)))
  const sum = hlo.add(ofRows(fromPrompt), fromOwn)
  const mixed = hlo.reshape(hlo.divide(sum, hlo.repeatRows(sums, sum.shape)), [all, numHeads * headDim])
  return { mixed, keys, values }
}
