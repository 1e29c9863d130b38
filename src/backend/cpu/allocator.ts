import { EngineError } from '../../errors.js'
import { mebibytes } from '../../io/units.js'

/** Bytes of a page of WebAssembly's memory. */
export const PAGE = 65536
/** Every block starts at a multiple of this many bytes: a cache line, and more than any SIMD load needs. */
const ALIGNMENT = 64
/** Bytes at the start of the memory that belong to the scheduler and to the arguments of kernels. */
export const RESERVED = PAGE

/** A free stretch of the memory; the list of them is sorted by address and never holds two neighbours. */
interface FreeBlock {
  start: number
  end: number
}

/** Hands out blocks of one shared WebAssembly memory and takes them back: first fit, neighbours are joined at once. */
export class Allocator {
  readonly memory: WebAssembly.Memory
  readonly #free: FreeBlock[] = []
  /** Size in bytes of each block that is handed out, by address. */
  readonly #sizes = new Map<number, number>()
  /** First address that was never handed out. */
  #top = RESERVED
  /** Bytes handed out, and those of native memory. */
  #used = 0
  #outside = 0
  #peak = 0

  constructor(
    /** Pages of 64 KiB that the memory may grow to. */
    readonly maximumPages: number,
  ) {
    this.memory = new WebAssembly.Memory({ initial: 16, maximum: maximumPages, shared: true })
  }

  /** Bytes in use now: handed out here, and counted as outside. */
  get usedBytes(): number {
    return this.#used + this.#outside
  }

  /** Most bytes that were in use at one time. */
  get peakBytes(): number {
    return this.#peak
  }

  /** Bytes that can still be handed out, in blocks of whatever size. */
  get freeBytes(): number {
    return this.maximumPages * PAGE - RESERVED - this.#used
  }

  /** Counts bytes that lie outside this memory among those in use, or fewer of them. */
  countOutside(bytes: number): void {
    this.#outside += bytes
    this.#peak = Math.max(this.#peak, this.usedBytes)
  }

  /**
   * Returns the address of a new block of at least `bytes` bytes; its content is undefined.
   * @throws EngineError when the memory is full.
   */
  allocate(bytes: number): number {
    const size = Math.max(ALIGNMENT, Math.ceil(bytes / ALIGNMENT) * ALIGNMENT)
    const address = this.#take(size)
    this.#sizes.set(address, size)
    this.#used += size
    this.#peak = Math.max(this.#peak, this.usedBytes)
    return address
  }

  /**
   * Returns the address of a new block that holds a copy of some numbers.
   * @throws EngineError when the memory is full.
   */
  place(values: Int32Array | Float64Array): number {
    const address = this.allocate(values.byteLength)
    const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength)
    new Uint8Array(this.memory.buffer, address, values.byteLength).set(bytes)
    return address
  }

  /** Takes a block back. */
  release(address: number): void {
    const size = this.#sizes.get(address)
    if (size === undefined) throw new EngineError(`internal: address ${address} was released but never allocated`)
    this.#sizes.delete(address)
    this.#used -= size
    const index = this.#indexAfter(address)
    const before = this.#free[index - 1]
    const after = this.#free[index]
    const joinsBefore = before?.end === address
    const joinsAfter = after?.start === address + size
    if (joinsBefore && joinsAfter) {
      before.end = after.end
      this.#free.splice(index, 1)
    } else if (joinsBefore) before.end += size
    else if (joinsAfter) after.start = address
    else this.#free.splice(index, 0, { start: address, end: address + size })
    const last = this.#free.at(-1)
    if (last?.end === this.#top) {
      this.#top = last.start
      this.#free.pop()
    }
  }

  #take(size: number): number {
    for (let i = 0; i < this.#free.length; i++) {
      const block = this.#free[i]!
      if (block.end - block.start < size) continue
      const address = block.start
      block.start += size
      if (block.start === block.end) this.#free.splice(i, 1)
      return address
    }
    const address = this.#top
    this.#growTo(address + size, size)
    this.#top = address + size
    return address
  }

  #growTo(end: number, size: number): void {
    const missing = Math.ceil((end - this.memory.buffer.byteLength) / PAGE)
    if (missing <= 0) return
    const pages = this.memory.buffer.byteLength / PAGE
    // Growing in larger steps saves calls; the operating system gives real memory only to what is touched.
    const wanted = Math.min(this.maximumPages - pages, Math.max(missing, Math.ceil(pages / 8)))
    try {
      this.memory.grow(Math.max(missing, wanted))
    } catch (cause) {
      throw new EngineError(
        `out of tensor memory: ${mebibytes(size)} more were asked for while ${mebibytes(this.#used)} of at most ${mebibytes(this.maximumPages * PAGE)} are in use; ` +
          'use a smaller perDeviceTrainBatchSize, numGenerations or maxCompletionLength, a smaller model, or its weights in fewer bits ' +
          '(dtype int8 or int4)',
        { cause },
      )
    }
  }

  /** Index of the first free block behind an address. */
  #indexAfter(address: number): number {
    let low = 0
    let high = this.#free.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#free[middle]!.start < address) low = middle + 1
      else high = middle
    }
    return low
  }
}
