import type { ModelConfig } from '../../model/config.js'

/** Completions that are decoded together, at most: more would hardly make a token cheaper. */
export const MAXIMUM_ROWS = 256
/** Bytes that their logits may take. */
export const LOGIT_BYTES = 64 * 2 ** 20
/** Bytes that the keys and values of the sequences that are decoded together may take. */
export const CACHE_BYTES = 2 ** 30

/** Runs of slots begin at multiples of this: kernels read so many keys at a time. */
const RUN_SLOTS = 16

/** Slots that a run of tokens takes. */
export function runSlots(tokens: number): number {
  return Math.ceil(tokens / RUN_SLOTS) * RUN_SLOTS
}

/** How the slots of a key-value cache are divided, by whole runs: prompts first, then one run for each completion. */
export interface CacheLayout {
  /** Slots for prompts, each of which is shared by the completions of its group. */
  readonly promptSlots: number
  /** Completions that can be decoded at one time. */
  readonly rows: number
  /** Slots of a completion: the last token is never fed back. */
  readonly rowSlots: number
}

/** Bytes of the keys and values of one token: float32, all layers. */
export function cacheBytesPerToken({ numLayers, numKeyValueHeads, headDim }: ModelConfig): number {
  return 2 * 4 * numLayers * numKeyValueHeads * headDim
}

/**
 * The layout for some groups of completions: as many rows as keep the kernels busy, fewer where the cache would take more than
 * 1 GiB, but always room for the longest prompt and one completion.
 */
export function cacheLayout(
  config: ModelConfig,
  promptLengths: readonly number[], // one for each group
  numGenerations: number,
  maxCompletionLength: number,
): CacheLayout {
  const rowSlots = runSlots(maxCompletionLength - 1)
  const lengths = promptLengths.map(runSlots).sort((a, b) => b - a)
  const longest = lengths[0] ?? 0
  const slots = Math.floor(CACHE_BYTES / cacheBytesPerToken(config) / RUN_SLOTS) * RUN_SLOTS
  const fitting = Math.floor((slots - longest) / (rowSlots + Math.ceil(longest / numGenerations)))
  const logits = Math.floor(LOGIT_BYTES / (4 * config.vocabularySize))
  const rows = Math.max(1, Math.min(MAXIMUM_ROWS, logits, fitting, promptLengths.length * numGenerations))
  // Twice the prompts of full groups: where only a few completions of a group go on, those of others take the places.
  const prompts = 2 * Math.ceil(rows / numGenerations)
  const wanted = lengths.slice(0, prompts).reduce((sum, length) => sum + length, 0)
  const promptSlots = Math.max(longest, Math.min(wanted, slots - rows * rowSlots))
  return { promptSlots, rows, rowSlots }
}

/** Hands out runs of slots of one range and takes them back: first fit. */
export class SlotRanges {
  /** Free runs by their start; neighbours are joined. */
  #free: { start: number; end: number }[]

  constructor(start: number, end: number) {
    this.#free = end > start ? [{ start, end }] : []
  }

  /** First slot of a run of `length` slots, null when there is none. */
  take(length: number): number | null {
    const run = this.#free.find(({ start, end }) => end - start >= length)
    if (!run) return null
    const { start } = run
    run.start += length
    this.#free = this.#free.filter((free) => free.end > free.start)
    return start
  }

  /** Takes a run back. */
  release(start: number, length: number): void {
    if (length === 0) return
    const runs = [...this.#free, { start, end: start + length }].sort((a, b) => a.start - b.start)
    this.#free = []
    for (const run of runs) {
      const last = this.#free.at(-1)
      if (last?.end === run.start) last.end = run.end
      else this.#free.push(run)
    }
  }
}
