import type { EngineRow } from '../engine.js'
import type { KeptProjections } from './keptProjections.js'
import { packGroups } from './packedBatch.js'
import type { PackedGroups, PromptGroup } from './packedBatch.js'

/** Packs rows; neighbours with the same prompt share one copy of it. */
export function packRows(rows: readonly EngineRow[]): PackedGroups {
  const groups: (PromptGroup & { completions: (readonly number[])[] })[] = []
  for (const { promptIds, completionIds } of rows) {
    const last = groups.at(-1)
    if (last?.promptIds === promptIds) last.completions.push(completionIds)
    else groups.push({ promptIds, completions: [completionIds] })
  }
  return packGroups(groups, { sharePrefixes: true })
}

/** Rows in which the packed tokens of some rows are kept; null when one of them is not. */
export function keptRows(
  rows: readonly EngineRow[],
  { sharedLengths }: Pick<PackedGroups, 'sharedLengths'>, // as packRows laid them out
  kept: KeptProjections,
): Int32Array | null {
  const places: number[] = []
  let prompt: readonly number[] | null = null
  let group = 0
  for (const { promptIds, completionIds } of rows) {
    const before = promptIds === prompt ? [] : kept.rows(promptIds, promptIds.length)?.slice(sharedLengths[group++])
    const own = kept.rows(completionIds, Math.max(0, completionIds.length - 1))
    if (!before || !own) return null
    for (const place of [before, own]) for (const row of place) places.push(row)
    prompt = promptIds
  }
  return Int32Array.from(places)
}

/**
 * Cuts rows into runs whose activations fit into memory together: at most `maxTokens` tokens, a prompt that neighbours share
 * counted once. A single row that is longer is a run of its own.
 */
export function cutRows<Row extends EngineRow>(rows: readonly Row[], maxTokens: number): Row[][] {
  const runs: Row[][] = []
  let tokens = 0
  for (const row of rows) {
    const shared = runs.at(-1)?.at(-1)?.promptIds === row.promptIds
    const added = row.completionIds.length + (shared ? 0 : row.promptIds.length)
    if (runs.length > 0 && tokens + added <= maxTokens) {
      runs.at(-1)!.push(row)
      tokens += added
    } else {
      runs.push([row])
      tokens = row.completionIds.length + row.promptIds.length
    }
  }
  return runs
}
