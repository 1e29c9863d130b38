import type { KeptProjections } from '../../engine/cpu/keptProjections.js'
import { packGroups } from '../../engine/cpu/packedBatch.js'
import type { PackedGroups, PromptGroup } from '../../engine/cpu/packedBatch.js'

/** A completion as the update sees it. */
export interface TrainingRow {
  /** Rows of a group share the same array. */
  readonly promptIds: readonly number[] // [P]
  /** Tokens of the completion. */
  readonly completionIds: readonly number[] // [L]
  /** How much better than its group the completion was: what its tokens are weighted by. */
  readonly advantage: number
  /** False leaves the completion out of the loss (maskTruncatedCompletions). */
  readonly inLoss: boolean
  /** log π of each token when it was sampled, in nats; null when the completion comes from elsewhere. */
  readonly samplingLogProbs: readonly number[] | null // [L]
  /** Entropy of the distribution that each token was drawn from, in nats; null when the completion comes from elsewhere. */
  readonly samplingEntropies: readonly number[] | null // [L]
  /** log π under the policy that the ratio is taken to; null for the policy as it is (on-policy). */
  readonly oldLogProbs: readonly number[] | null // [L]
  /** log π under the reference policy; null when beta is 0. */
  readonly refLogProbs: readonly number[] | null // [L]
}

/** Packs rows; neighbours with the same prompt share one copy of it. */
export function packRows(rows: readonly Pick<TrainingRow, 'promptIds' | 'completionIds'>[]): PackedGroups {
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
  rows: readonly Pick<TrainingRow, 'promptIds' | 'completionIds'>[],
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
export function cutRows<Row extends Pick<TrainingRow, 'promptIds' | 'completionIds'>>(
  rows: readonly Row[],
  maxTokens: number,
): Row[][] {
  const runs: Row[][] = []
  let tokens = Infinity
  for (const row of rows) {
    const shared = runs.at(-1)?.at(-1)?.promptIds === row.promptIds
    const added = row.completionIds.length + (shared ? 0 : row.promptIds.length)
    if (tokens + added <= maxTokens) {
      runs.at(-1)!.push(row)
      tokens += added
    } else {
      runs.push([row])
      tokens = row.completionIds.length + row.promptIds.length
    }
  }
  return runs
}

/** Values that are given row by row as [B · T], T the longest row, 0 where there is no token; null when a row has none. */
export function padRows(rows: readonly (ArrayLike<number> | null)[], tokens: number): Float32Array | null {
  const padded = new Float32Array(rows.length * tokens)
  for (const [row, values] of rows.entries()) {
    if (values === null) return null
    padded.set(values, row * tokens)
  }
  return padded
}
