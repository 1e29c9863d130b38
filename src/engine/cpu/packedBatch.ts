import type { AttentionSegment } from '../../ops/attention.js'

/**
 * Sequences laid one after another, without padding. A segment is a run of tokens that belong together; it may see a prefix
 * that lies elsewhere, such as the prompt that a group of completions shares.
 */
export interface PackedBatch {
  /** The tokens of all sequences, one after the other. */
  readonly tokenIds: Int32Array // [N]
  /** Place of each token in its own sequence, from 0: what the rotary embedding turns by. */
  readonly positions: Int32Array // [N]
  /** Key numbers are rows of this batch, places in `keyRows` when there are such, or slots of the cache when there is one. */
  readonly segments: readonly AttentionSegment[]
  /** Rows of this batch in the order in which their keys and values are laid out, some of them several times. Defaults to all rows as they are. */
  readonly keyRows?: Int32Array // [S]
  /** With a cache: the slot that each token's keys and values are written to. */
  readonly slots?: Int32Array // [N]
  /** With a cache: keys and values that are copied, one after another, once the batch's own are written. */
  readonly slotCopies?: readonly SlotCopy[]
}

/** Slots of a cache whose keys and values are copied to others. */
export interface SlotCopy {
  readonly from: number
  readonly to: number
  readonly length: number
}

/** A prompt and the completions that share it. */
export interface PromptGroup {
  /** Tokens of the prompt. */
  readonly promptIds: ArrayLike<number>
  /** Tokens of each completion. */
  readonly completions: readonly ArrayLike<number>[]
}

/** A packed batch of groups, and where the distribution of each completion token is found in it. */
export interface PackedGroups {
  /** The groups as one batch. */
  readonly batch: PackedBatch
  /** Row of the batch that predicts each completion token; group by group, completion by completion. */
  readonly rows: Int32Array // [n]
  /** The completion tokens, in the same order. */
  readonly targets: Int32Array // [n]
  /** Tokens at the start of each group's prompt that are left out, since another group has them. */
  readonly sharedLengths: readonly number[]
}

/**
 * The prompt that has the most tokens at its beginning in common with another, the first one of several; undefined when none has any.
 * All tokens but the last can be shared, whose row predicts the completions' first tokens.
 */
export function longestSharedPrefix<Candidate extends { readonly promptIds: ArrayLike<number> }>(
  promptIds: ArrayLike<number>,
  candidates: Iterable<Candidate>,
): { candidate: Candidate; length: number } | undefined {
  let best: { candidate: Candidate; length: number } | undefined
  for (const candidate of candidates) {
    const length = sharedPrefixLength(promptIds, candidate.promptIds)
    if (length > (best?.length ?? 0)) best = { candidate, length }
  }
  return best
}

function sharedPrefixLength(promptIds: ArrayLike<number>, other: ArrayLike<number>): number {
  const end = Math.min(promptIds.length - 1, other.length)
  for (let i = 0; i < end; i++) if (promptIds[i] !== other[i]) return i
  return Math.max(0, end)
}

/**
 * Packs groups for scoring or training: each group is [prompt; completion 1; …; completion G], in which every completion sees
 * the one copy of the prompt and itself. So a group takes P + Σ Lᵢ tokens instead of Σ (P + Lᵢ). With `sharePrefixes`, where prompts begin
 * alike, as with a common system prompt or worked examples, the beginning is computed for the first of them only, and its keys and
 * values are laid out for the others again.
 *
 * The last token of a completion predicts nothing that is asked for and is left out; the first one is predicted by the last
 * token of the prompt, which must not be empty.
 */
export function packGroups(
  groups: readonly PromptGroup[],
  options: {
    /** Leave out what a prompt has in common with an earlier one, to be computed once. Defaults to false: every token has a row. */
    sharePrefixes?: boolean
  } = {},
): PackedGroups {
  const tokenIds: number[] = []
  const positions: number[] = []
  const segments: AttentionSegment[] = []
  const rows: number[] = []
  const targets: number[] = []
  const keyRows: number[] = []
  const starts: { promptIds: ArrayLike<number>; keyStart: number }[] = []
  const sharedLengths: number[] = []
  /** Adds tokens with their keys and returns the first row. */
  const append = (ids: ArrayLike<number>, from: number, to: number, firstPosition: number): number => {
    const start = tokenIds.length
    for (let i = from; i < to; i++) {
      keyRows.push(tokenIds.length)
      tokenIds.push(ids[i]!)
      positions.push(firstPosition + i)
    }
    return start
  }
  for (const { promptIds, completions } of groups) {
    const promptLength = promptIds.length
    const promptStart = keyRows.length
    const like = longestSharedPrefix(promptIds, starts)
    const shared = like?.length ?? 0
    for (let i = 0; i < shared; i++) keyRows.push(keyRows[like!.candidate.keyStart + i]!)
    sharedLengths.push(shared)
    if (options.sharePrefixes) starts.push({ promptIds, keyStart: promptStart })
    const queryStart = append(promptIds, shared, promptLength, 0)
    segments.push({
      queryStart,
      queryLength: promptLength - shared,
      prefixStart: 0,
      prefixLength: 0,
      keyStart: promptStart,
      keyLength: promptLength,
    })
    const promptEnd = tokenIds.length - 1
    for (const completion of completions) {
      const length = Math.max(0, completion.length - 1)
      const keyStart = keyRows.length
      const start = append(completion, 0, length, promptLength)
      for (let i = 0; i < completion.length; i++) {
        rows.push(i === 0 ? promptEnd : start + i - 1)
        targets.push(completion[i]!)
      }
      if (length === 0) continue
      segments.push({
        queryStart: start,
        queryLength: length,
        prefixStart: promptStart,
        prefixLength: promptLength,
        keyStart,
        keyLength: length,
      })
    }
  }
  const isShared = sharedLengths.some((length) => length > 0)
  return {
    batch: {
      tokenIds: Int32Array.from(tokenIds),
      positions: Int32Array.from(positions),
      segments,
      ...(isShared && { keyRows: Int32Array.from(keyRows) }),
    },
    sharedLengths,
    rows: Int32Array.from(rows),
    targets: Int32Array.from(targets),
  }
}
