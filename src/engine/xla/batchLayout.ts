import type { ModelConfig } from '../../model/config.js'
import { ropeTables } from '../../model/ropeFrequencies.js'
import { batchTypes, tokensOf } from '../../xla/programs/batch.js'
import type { BatchArrays, BatchShape } from '../../xla/programs/batch.js'
import { hostArray } from '../../xla/types.js'
import type { HostArray } from '../../xla/types.js'
import type { EngineRow } from '../engine.js'
import { countBucket, tokenBucket } from './buckets.js'

/** Where the rows of a batch are computed. */
export interface BatchLayout {
  readonly shape: BatchShape
  /** Place of each row among all places for rows, [groups · shape.rows]. */
  readonly places: readonly number[] // [B]
  readonly rows: readonly EngineRow[]
}

/**
 * Puts rows into groups behind their prompts; neighbours with the same prompt are one group. The sizes are rounded up, so that few
 * programs are needed.
 */
export function layOut(rows: readonly EngineRow[], fewestTokens: number): BatchLayout {
  const groups: number[][] = []
  for (const [index, { promptIds }] of rows.entries()) {
    const last = groups.at(-1)
    if (last && rows[last[0]!]!.promptIds === promptIds) last.push(index)
    else groups.push([index])
  }
  const longest = (length: (row: EngineRow) => number): number =>
    rows.reduce((max, row) => Math.max(max, length(row)), 0)
  const shape = {
    groups: countBucket(groups.length),
    promptTokens: tokenBucket(
      longest(({ promptIds }) => promptIds.length - 1),
      fewestTokens,
    ),
    rows: countBucket(Math.max(...groups.map(({ length }) => length))),
    tokens: tokenBucket(
      longest(({ completionIds }) => completionIds.length),
      fewestTokens,
    ),
  }
  const places = new Array<number>(rows.length)
  for (const [group, members] of groups.entries()) {
    for (const [i, index] of members.entries()) places[index] = group * shape.rows + i
  }
  return { shape, places, rows }
}

/**
 * Cuts rows into runs that are computed together: of at most so many tokens, those that fill places included. A single row that is
 * longer is a run of its own.
 */
export function cutRows(rows: readonly EngineRow[], maxTokens: number, fewestTokens: number): EngineRow[][] {
  const runs: EngineRow[][] = []
  for (const row of rows) {
    const longer = [...(runs.at(-1) ?? []), row]
    if (longer.length > 1 && tokensOf(layOut(longer, fewestTokens).shape) <= maxTokens) runs[runs.length - 1] = longer
    else runs.push([row])
  }
  return runs
}

/** The arrays that say which tokens are computed. */
export function batchArrays(config: ModelConfig, { shape, places, rows }: BatchLayout): BatchArrays<HostArray> {
  const { promptTokens, tokens } = shape
  const types = batchTypes(config, shape)
  const promptIds = hostArray(types.promptIds)
  const promptLengths = hostArray(types.promptLengths)
  const ids = hostArray(types.ids)
  const targets = hostArray(types.targets)
  for (const [index, row] of rows.entries()) {
    const place = places[index]!
    const group = Math.floor(place / shape.rows)
    const before = row.promptIds.slice(0, -1)
    promptIds.set(before, group * promptTokens)
    promptLengths[group] = before.length
    // The last token of the prompt predicts the first of the completion, whose last predicts nothing here.
    ids.set([row.promptIds.at(-1)!, ...row.completionIds].slice(0, row.completionIds.length), place * tokens)
    targets.set(row.completionIds, place * tokens)
  }
  return { promptIds, promptLengths, ids, targets, ...rotaryTables(config, promptTokens + tokens) }
}

/** Cosines and sines of the first positions, [positions, headDim / 2]. */
export function rotaryTables(
  { rope, headDim }: Pick<ModelConfig, 'rope' | 'headDim'>,
  positions: number,
): { cos: Float32Array; sin: Float32Array } {
  // A sequence is never longer than the model's positions, up to which the type `dynamic` does not depend on the length.
  return ropeTables(
    rope,
    headDim,
    Int32Array.from({ length: positions }, (_, position) => position),
    1,
  )
}

/** One list for each row, of as many values as its completion has tokens. */
export function readRows(
  values: HostArray, // [groups, rows, tokens]
  { shape: { tokens }, places, rows }: BatchLayout,
): number[][] {
  return rows.map(({ completionIds }, i) => {
    const start = places[i]! * tokens
    return [...values.subarray(start, start + completionIds.length)]
  })
}

/** Puts values of the rows' tokens, row by row, where the programs expect them. */
export function spreadRows(
  values: Float32Array, // [ΣL]
  { shape, places, rows }: BatchLayout,
): Float32Array /* [groups, rows, tokens] */ {
  const spread = new Float32Array(shape.groups * shape.rows * shape.tokens)
  let at = 0
  for (const [i, { completionIds }] of rows.entries()) {
    spread.set(values.subarray(at, (at += completionIds.length)), places[i]! * shape.tokens)
  }
  return spread
}
