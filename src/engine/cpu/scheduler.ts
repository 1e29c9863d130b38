import type { KeptProjections } from './keptProjections.js'
import { longestSharedPrefix } from './packedBatch.js'
import type { PackedBatch, SlotCopy } from './packedBatch.js'
import type { AttentionSegment } from '../../ops/attention.js'
import { runSlots, SlotRanges } from './cacheSlots.js'
import type { CacheLayout } from './cacheSlots.js'
import type { Sequence } from '../sequence.js'

/** Prompt tokens that are computed in one step; a longer prompt is computed alone. */
export const PREFILL_TOKENS = 4096

/** The sequences of one prompt. */
interface Group {
  readonly promptIds: readonly number[]
  /** First slot of the prompt; null while it is not in the cache. */
  promptStart: number | null
  /** Sequences that have not ended. */
  unfinished: number
}

/** A sequence that is being decoded, and where its keys and values lie. */
interface Row {
  readonly sequence: Sequence
  readonly group: Group
  readonly start: number
}

/** One forward pass, and which of its rows predict the next token of which sequence. */
export interface DecodingStep {
  readonly batch: PackedBatch
  readonly rows: Int32Array // [sequences]
  readonly sequences: readonly Sequence[]
  /** Row in which what the projections give for each token is kept, -1 for none. */
  readonly keptRows: Int32Array // [N]
}

/**
 * Continuous batching (Orca, Yu et al. 2022): a sequence that has ended leaves the batch at once, and the next one that waits
 * takes its slots. The completions of a group share the keys and values of their prompt, which is computed when the first of
 * them starts and freed when the last one has ended. What a prompt shares with one that is in the cache is copied from there.
 */
export class Scheduler {
  readonly #waiting: { sequence: Sequence; group: Group }[]
  readonly #prompts: SlotRanges
  readonly #rows: SlotRanges
  readonly #layout: CacheLayout
  /** Groups whose prompts are in the cache. */
  readonly #resident = new Set<Group>()
  #active: Row[] = []

  constructor(
    groups: readonly (readonly Sequence[])[],
    layout: CacheLayout, // with room for the longest prompt
    /** Keeps what training will need again. Defaults to none. */
    private readonly kept: KeptProjections | null = null,
  ) {
    this.#waiting = groups.flatMap((sequences) => {
      const promptIds = sequences[0]?.promptIds ?? []
      const group: Group = { promptIds, promptStart: null, unfinished: sequences.length }
      return sequences.map((sequence) => ({ sequence, group }))
    })
    this.#layout = layout
    this.#prompts = new SlotRanges(0, layout.promptSlots)
    this.#rows = new SlotRanges(layout.promptSlots, layout.promptSlots + layout.rows * layout.rowSlots)
  }

  /**
   * The next forward pass: the newest token of each sequence that goes on, and the prompts of those that start. Null when all
   * sequences have ended.
   */
  next(): DecodingStep | null {
    this.#removeEnded()
    const step = new StepBuilder(this.kept)
    for (const row of this.#active) step.addToken(row)
    this.#admit(step)
    return this.#active.length === 0 ? null : step.build()
  }

  #removeEnded(): void {
    const { rowSlots } = this.#layout
    for (const { sequence, group, start } of this.#active) {
      if (sequence.finishReason === null) continue
      this.#rows.release(start, rowSlots)
      group.unfinished--
      if (group.unfinished > 0) continue
      this.#prompts.release(group.promptStart!, runSlots(group.promptIds.length))
      this.#resident.delete(group)
    }
    this.#active = this.#active.filter(({ sequence }) => sequence.finishReason === null)
  }

  /** Starts sequences in their order, as long as there is room. */
  #admit(step: StepBuilder): void {
    let prefilled = 0
    for (;;) {
      const next = this.#waiting[0]
      if (!next || this.#active.length >= this.#layout.rows) return
      const { group, sequence } = next
      if (group.promptStart === null) {
        const shared = longestSharedPrefix(group.promptIds, this.#resident)
        const { length } = group.promptIds
        const computed = length - (shared?.length ?? 0)
        if (prefilled > 0 && prefilled + computed > PREFILL_TOKENS) return
        group.promptStart = this.#prompts.take(runSlots(length))
        if (group.promptStart === null) return
        prefilled += computed
        this.kept?.begin(group.promptIds, shared && { ids: shared.candidate.promptIds, length: shared.length })
        step.addPrompt(group, shared)
        this.#resident.add(group)
      }
      this.kept?.begin(sequence.ids)
      // A completion of one token has no slots of its own.
      const start = this.#rows.take(this.#layout.rowSlots) ?? this.#layout.promptSlots
      const row = { sequence, group, start }
      step.addFirst(row)
      this.#active.push(row)
      this.#waiting.shift()
    }
  }
}

/** Collects the tokens of a forward pass. */
class StepBuilder {
  readonly #tokenIds: number[] = []
  readonly #positions: number[] = []
  readonly #slots: number[] = []
  readonly #segments: AttentionSegment[] = []
  readonly #slotCopies: SlotCopy[] = []
  readonly #rows: number[] = []
  readonly #sequences: Sequence[] = []
  /** Row that predicts the first token after a prompt, for the groups whose prompt is computed in this pass. */
  readonly #promptEnds = new Map<Group, number>()
  readonly #keptRows: number[] = []

  constructor(private readonly kept: KeptProjections | null) {}

  /** The newest token of a sequence goes to the slot behind its others. */
  addToken({ sequence, group, start }: Row): void {
    const length = sequence.ids.length
    const position = group.promptIds.length + length - 1
    this.#predict(sequence, this.#append(sequence.ids[length - 1]!, position, start + length - 1, sequence.ids))
    this.#segments.push({
      queryStart: this.#tokenIds.length - 1,
      queryLength: 1,
      keyStart: start,
      keyLength: length,
      prefixStart: group.promptStart!,
      prefixLength: group.promptIds.length,
    })
  }

  /** `shared` is a group in the cache whose prompt begins with the same `length` tokens. */
  addPrompt(group: Group, shared: { candidate: Group; length: number } | undefined): void {
    const { promptIds, promptStart } = group
    const queryStart = this.#tokenIds.length
    const first = shared?.length ?? 0
    if (shared) this.#slotCopies.push({ from: shared.candidate.promptStart!, to: promptStart!, length: first })
    for (let position = first; position < promptIds.length; position++) {
      this.#append(promptIds[position]!, position, promptStart! + position, promptIds)
    }
    this.#segments.push({
      queryStart,
      queryLength: promptIds.length - first,
      keyStart: promptStart!,
      keyLength: promptIds.length,
      prefixStart: 0,
      prefixLength: 0,
    })
    this.#promptEnds.set(group, this.#tokenIds.length - 1)
  }

  /** The first token of a sequence follows from the last one of its prompt, which a late sequence computes once more. */
  addFirst({ sequence, group }: Row): void {
    const promptEnd = this.#promptEnds.get(group)
    if (promptEnd !== undefined) {
      this.#predict(sequence, promptEnd)
      return
    }
    const last = group.promptIds.length - 1
    this.#promptEnds.set(group, this.#append(group.promptIds[last]!, last, group.promptStart! + last, null))
    this.#segments.push({
      queryStart: this.#tokenIds.length - 1,
      queryLength: 1,
      prefixStart: 0,
      prefixLength: 0,
      keyStart: group.promptStart!,
      keyLength: last + 1,
    })
    this.addFirst({ sequence, group, start: 0 })
  }

  build(): DecodingStep {
    return {
      batch: {
        tokenIds: Int32Array.from(this.#tokenIds),
        positions: Int32Array.from(this.#positions),
        slots: Int32Array.from(this.#slots),
        segments: this.#segments,
        slotCopies: this.#slotCopies,
      },
      rows: Int32Array.from(this.#rows),
      sequences: this.#sequences,
      keptRows: lastOwners(this.#keptRows),
    }
  }

  /** Adds a token, to be kept with those of `keptFor`, and returns its row. */
  #append(id: number, position: number, slot: number, keptFor: readonly number[] | null): number {
    this.#tokenIds.push(id)
    this.#positions.push(position)
    this.#slots.push(slot)
    this.#keptRows.push((keptFor && this.kept?.take(keptFor)) ?? -1)
    return this.#tokenIds.length - 1
  }

  #predict(sequence: Sequence, row: number): void {
    this.#rows.push(row)
    this.#sequences.push(sequence)
  }
}

/** Rows of which each belongs to the last token that got it, -1 for the others: a row that was given up may be taken anew in one step. */
function lastOwners(rows: readonly number[]): Int32Array {
  if (rows.every((row, i) => row < 0 || i === 0 || row > rows[i - 1]!)) return Int32Array.from(rows)
  const owners = new Map(rows.map((row, token) => [row, token]))
  return Int32Array.from(rows, (row, token) => (owners.get(row) === token ? row : -1))
}
