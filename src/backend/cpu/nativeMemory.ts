import { EngineError } from '../../errors.js'
import { mebibytes } from '../../io/units.js'
import type { Allocator } from './allocator.js'
import type { NativeAddon } from './native.js'

/** WebAssembly's addresses have 32 bits: what lies outside its memory has one that is at least this. */
const FIRST_ADDRESS = 2 ** 32

/** A block of memory outside WebAssembly's. */
interface NativeBlock {
  readonly address: number
  readonly buffer: ArrayBuffer
}

/**
 * Memory of the process outside WebAssembly's 4 GiB, which native kernels reach and those of WebAssembly do not: for large frozen
 * weights. Each has a block of its own, whose pages become real when they are written and go back to the system when it is released.
 */
export class NativeMemory {
  /** Sorted by address. */
  readonly #blocks: NativeBlock[] = []

  constructor(
    private readonly addon: Pick<NativeAddon, 'map' | 'unmap'>,
    /** Counts its bytes among those in use. */
    private readonly allocator: Allocator,
  ) {}

  /** Whether nothing is in use. */
  get isEmpty(): boolean {
    return this.#blocks.length === 0
  }

  /**
   * A new block of zeros.
   * @throws EngineError when the system refuses it
   */
  allocate(bytes: number): NativeBlock {
    const block = this.addon.map(bytes)
    if (!block || block.address < FIRST_ADDRESS || !Number.isSafeInteger(block.address + bytes)) {
      if (block) this.addon.unmap(block.buffer)
      throw new EngineError(
        `the system refuses ${mebibytes(bytes)} of memory for a weight; raise its limit (ulimit -v), end other programs, or take a ` +
          "smaller model or dtype 'int8' or 'int4'",
      )
    }
    this.#blocks.splice(this.#indexAfter(block.address), 0, block)
    this.allocator.countOutside(bytes)
    return block
  }

  /** Gives a block back to the system: views of its buffer have no numbers any more. */
  release(address: number): void {
    const index = this.#indexAfter(address) - 1
    const block = this.#blocks[index]
    if (block?.address !== address)
      throw new EngineError(`internal: native memory at ${address} was released but never allocated`)
    this.#blocks.splice(index, 1)
    this.allocator.countOutside(-block.buffer.byteLength)
    this.addon.unmap(block.buffer)
  }

  /** Whether a stretch lies within a block. */
  holds(address: number, bytes: number): boolean {
    const block = this.#blocks[this.#indexAfter(address) - 1]
    return block !== undefined && address + bytes <= block.address + block.buffer.byteLength
  }

  /** Index of the first block that begins behind an address. */
  #indexAfter(address: number): number {
    let low = 0
    let high = this.#blocks.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#blocks[middle]!.address <= address) low = middle + 1
      else high = middle
    }
    return low
  }
}
