import type { AttentionSegment } from '../ops/attention.js'

/**
 * Sequences laid one after another, without padding. A segment is a run of tokens that belong together; it may see a prefix
 * that lies elsewhere, such as the prompt that a group of completions shares.
 */
export interface PackedBatch {
  readonly tokenIds: Int32Array // [N]
  /** Place of each token in its own sequence, from 0: what the rotary embedding turns by. */
  readonly positions: Int32Array // [N]
  /** Key numbers are rows of this batch, or slots of the cache when the batch is computed with one. */
  readonly segments: readonly AttentionSegment[]
  /** With a cache: the slot that each token's keys and values are written to. */
  readonly slots?: Int32Array // [N]
}

/** A prompt and the completions that share it. */
export interface PromptGroup {
  readonly promptIds: ArrayLike<number>
  readonly completions: readonly ArrayLike<number>[]
}

/** A packed batch of groups, and where the distribution of each completion token is found in it. */
export interface PackedGroups {
  readonly batch: PackedBatch
  /** Row of the batch that predicts each completion token; group by group, completion by completion. */
  readonly rows: Int32Array // [n]
  /** The completion tokens, in the same order. */
  readonly targets: Int32Array // [n]
}

/**
 * Packs groups for scoring or training: each group is [prompt; completion 1; …; completion G], in which every completion sees
 * the one copy of the prompt and itself. So a group takes P + Σ Lᵢ tokens instead of Σ (P + Lᵢ).
 *
 * The last token of a completion predicts nothing that is asked for and is left out; the first one is predicted by the last
 * token of the prompt, which must not be empty.
 */
export function packGroups(groups: readonly PromptGroup[]): PackedGroups {
  const tokenIds: number[] = []
  const positions: number[] = []
  const segments: AttentionSegment[] = []
  const rows: number[] = []
  const targets: number[] = []
  const append = (ids: ArrayLike<number>, count: number, firstPosition: number): number => {
    const start = tokenIds.length
    for (let i = 0; i < count; i++) {
      tokenIds.push(ids[i]!)
      positions.push(firstPosition + i)
    }
    return start
  }
  for (const { promptIds, completions } of groups) {
    const promptLength = promptIds.length
    const promptStart = append(promptIds, promptLength, 0)
    segments.push({
      ...{ queryStart: promptStart, queryLength: promptLength, prefixStart: 0, prefixLength: 0 },
      ...{ keyStart: promptStart, keyLength: promptLength },
    })
    for (const completion of completions) {
      const length = Math.max(0, completion.length - 1)
      const start = append(completion, length, promptLength)
      for (let i = 0; i < completion.length; i++) {
        rows.push(i === 0 ? promptStart + promptLength - 1 : start + i - 1)
        targets.push(completion[i]!)
      }
      if (length === 0) continue
      segments.push({
        ...{ queryStart: start, queryLength: length, prefixStart: promptStart, prefixLength: promptLength },
        ...{ keyStart: start, keyLength: length },
      })
    }
  }
  return {
    batch: { tokenIds: Int32Array.from(tokenIds), positions: Int32Array.from(positions), segments },
    rows: Int32Array.from(rows),
    targets: Int32Array.from(targets),
  }
}
