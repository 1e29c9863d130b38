import type { Allocator } from '../../backend/cpu/allocator.js'
import type { ModelConfig } from '../../model/config.js'

/** A block of shared memory that grows; what it holds is written anew after that. */
export class GrowingBlock {
  #address = 0
  #bytes = 0

  constructor(private readonly allocator: Allocator) {}

  /** Address of at least `bytes` bytes. */
  reserve(bytes: number): number {
    if (bytes > this.#bytes) {
      this.dispose()
      this.#address = this.allocator.allocate(bytes)
      this.#bytes = bytes
    }
    return this.#address
  }

  /** Copies numbers there, one array behind the other; their address. */
  place(...arrays: readonly (Int32Array | Float32Array | Float64Array)[]): number {
    const address = this.reserve(arrays.reduce((bytes, { byteLength }) => bytes + byteLength, 0))
    const to = new Uint8Array(this.allocator.memory.buffer)
    let at = address
    for (const { buffer, byteOffset, byteLength } of arrays) {
      to.set(new Uint8Array(buffer, byteOffset, byteLength), at)
      at += byteLength
    }
    return address
  }

  dispose(): void {
    if (this.#bytes > 0) this.allocator.release(this.#address)
    this.#bytes = 0
  }
}

/** Addresses of what a step computes, of N tokens, n of which predict others; float32. */
export interface StepBuffers {
  readonly x: number // [N, hidden]
  readonly normed: number // [N, hidden]
  readonly queries: number // [N, H·D]
  readonly keys: number // [N, G·D]
  readonly values: number // [N, G·D]
  readonly mixed: number // [N, H·D]
  readonly logSumExp: number // [N, H]
  /** These two lie where queries, keys and values do, which are not needed any more then. */
  readonly gate: number // [N, F]
  readonly up: number // [N, F]
  /** What goes through the As of an adapter. */
  readonly low: number // [N, rank]
  readonly predicting: number // [n, hidden]
  /** They lie where all but `x` and `predicting` does. */
  readonly logits: number // [n, V]
  readonly sampled: number // [5, n]
}

/** The buffers of the largest step so far. */
export class StepMemory {
  readonly #kept: GrowingBlock
  readonly #work: GrowingBlock

  constructor(
    allocator: Allocator,
    private readonly config: ModelConfig,
    /** Largest sum of the ranks of layers that have their input in common. */
    private readonly rank: number,
  ) {
    this.#kept = new GrowingBlock(allocator)
    this.#work = new GrowingBlock(allocator)
  }

  /** Buffers for a step; those of the one before may be others. */
  buffers(tokens: number, predicting: number): StepBuffers {
    const { hiddenSize, intermediateSize, numHeads, numKeyValueHeads, headDim, vocabularySize } = this.config
    const queries = numHeads * headDim
    const keys = numKeyValueHeads * headDim
    const [x, predictingAt, sampled, keptBytes] = offsets(
      tokens * hiddenSize,
      predicting * hiddenSize,
      predicting * 5,
    ) as [number, number, number, number]
    const [normed, low, work] = offsets(tokens * hiddenSize, tokens * this.rank) as [number, number, number]
    const attention = offsets(tokens * queries, tokens * keys, tokens * keys, tokens * queries, tokens * numHeads)
    const mlp = offsets(tokens * intermediateSize, tokens * intermediateSize)
    const workBytes = Math.max(work + attention.at(-1)!, work + mlp.at(-1)!, predicting * vocabularySize * 4)
    const kept = this.#kept.reserve(keptBytes)
    const base = this.#work.reserve(workBytes)
    return {
      x: kept + x,
      predicting: kept + predictingAt,
      sampled: kept + sampled,
      normed: base + normed,
      low: base + low,
      queries: base + work + attention[0]!,
      keys: base + work + attention[1]!,
      values: base + work + attention[2]!,
      mixed: base + work + attention[3]!,
      logSumExp: base + work + attention[4]!,
      gate: base + work + mlp[0]!,
      up: base + work + mlp[1]!,
      logits: base,
    }
  }

  dispose(): void {
    this.#kept.dispose()
    this.#work.dispose()
  }
}

/** Where buffers of so many floats begin, each in a cache line of its own, and where the last one ends; in bytes. */
function offsets(...sizes: readonly number[]): number[] {
  let at = 0
  return [0, ...sizes.map((size) => (at += Math.ceil(size / 16) * 64))]
}
