import type { ModelConfig } from '../../model/config.js'
import type { Node } from '../graph/node.js'
import * as hlo from '../graph/operations.js'
import type { ArrayType } from '../types.js'
import type { Rotary } from './decoderLayer.js'

/**
 * How rows lie in the programs that compute whole sequences. Groups of rows stand behind a prompt that is computed once. The last
 * token of the prompt is the first of each row: so a row's own tokens predict all of its completion, and nothing else.
 */
export interface BatchShape {
  readonly groups: number
  /** Places for the tokens of a prompt, all but its last. */
  readonly promptTokens: number
  /** Rows of a group. */
  readonly rows: number
  /** Places for the own tokens of a row: the last of the prompt, then all of the completion but its last. */
  readonly tokens: number
}

/** What says which tokens are computed. */
export interface BatchArrays<Value> {
  readonly promptIds: Value // [groups, promptTokens] i32
  /** Tokens before the own ones of a group's rows. */
  readonly promptLengths: Value // [groups] i32
  readonly ids: Value // [groups, rows, tokens] i32
  /** For each own token the one that follows it. */
  readonly targets: Value // [groups, rows, tokens] i32
  readonly cos: Value // [positions, headDim / 2]
  readonly sin: Value // [positions, headDim / 2]
}

/** Tokens of a batch, those that fill its places included. */
export function tokensOf({ groups, promptTokens, rows, tokens }: BatchShape): number {
  return groups * (promptTokens + rows * tokens)
}

/** Types of a batch's arrays. */
export function batchTypes(
  { headDim }: Pick<ModelConfig, 'headDim'>,
  { groups, promptTokens, rows, tokens }: BatchShape,
): BatchArrays<ArrayType> {
  const ints = (...shape: number[]): ArrayType => ({ dtype: 'i32', shape })
  const angles: ArrayType = { dtype: 'f32', shape: [promptTokens + tokens, headDim / 2] }
  return {
    promptIds: ints(groups, promptTokens),
    promptLengths: ints(groups),
    ids: ints(groups, rows, tokens),
    targets: ints(groups, rows, tokens),
    cos: angles,
    sin: angles,
  }
}

/** The tokens of a batch: of all prompts, then of all rows. */
export function batchIds({ promptIds, ids }: BatchArrays<Node>): Node /* [N] i32 */ {
  const flat = [promptIds, ids].map((part) => hlo.reshape(part, [part.shape.reduce((a, b) => a * b, 1)]))
  return hlo.concatenate(flat, 0)
}

/** The angles of a batch's tokens. */
export function batchRotary({ groups, promptTokens, rows, tokens }: BatchShape, batch: BatchArrays<Node>): Rotary {
  const { cos, sin, promptLengths } = batch
  const pairs = cos.shape[1]!
  const offsets = hlo.iota(1, [groups, tokens])
  const positions = hlo.reshape(hlo.add(hlo.repeatRows(promptLengths, offsets.shape), offsets), [groups * tokens])
  const gather = (table: Node): Node => {
    const prompt = hlo.broadcast(hlo.sliceAlong(table, 0, 0, promptTokens), [groups, promptTokens, pairs], [1, 2])
    const own = hlo.reshape(hlo.takeRows(table, positions), [groups, tokens, pairs])
    const ofRows = hlo.broadcast(own, [groups, rows, tokens, pairs], [0, 2, 3])
    return hlo.concatenate(
      [hlo.reshape(prompt, [groups * promptTokens, pairs]), hlo.reshape(ofRows, [groups * rows * tokens, pairs])],
      0,
    )
  }
  return { cos: gather(cos), sin: gather(sin) }
}

/** What belongs to the rows' own tokens. */
export function ownRows({ groups, promptTokens }: BatchShape, x: Node /* [N, D] */): Node /* [rows · tokens, D] */ {
  return hlo.sliceAlong(x, 0, groups * promptTokens, x.shape[0]!)
}
