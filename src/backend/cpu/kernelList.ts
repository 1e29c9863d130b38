import { ARGUMENT_WORDS } from './kernelCalls.js'
import type { KernelCalls } from './kernelCalls.js'
import { GROUP_OPERATIONS } from './runtime.js'
import type { Runtime } from './runtime.js'

/** Calls whose arguments are allocated at a time. */
const BLOCK_CALLS = 64
/** Below so many operations in a group, handing out its tiles costs more than it saves: the helpers are awake already. */
const PARALLEL_OPERATIONS = 20_000

/** Where a call's arguments lie. */
interface Arguments {
  readonly address: number
  readonly words: Int32Array // [ARGUMENT_WORDS]
  readonly floats: Float32Array // [ARGUMENT_WORDS], the same memory
}

/**
 * Calls of kernels that are run together, as often as wanted, by one call of the module: no JavaScript between them, and the helper
 * threads stay awake. Calls between two barriers are a group: independent of each other, so that their tiles are handed out together.
 */
export class KernelList implements KernelCalls {
  readonly #runtime: Runtime
  readonly #blocks: number[] = []
  /** Of every call that there was at one time, to be used again. */
  readonly #arguments: Arguments[] = []
  /** Groups and calls as assembly/scheduler.ts wants them, each four words. */
  #words: number[] = []
  #address = 0
  #capacity = 0
  #groups = 0
  #calls = 0
  /** Where the group that is being filled stands in `#words`. */
  #group = 0
  #operations = 0
  #scratch = { address: 0, stride: 0 }
  #isWritten = false

  constructor(runtime: Runtime) {
    this.#runtime = runtime
    this.clear()
  }

  get threads(): number {
    return this.#runtime.threads
  }

  get args(): Int32Array {
    return this.#next().words
  }

  get floatArgs(): Float32Array {
    return this.#next().floats
  }

  /** Calls that the list holds. */
  get length(): number {
    return this.#calls
  }

  /** Whether the scratch area has moved or grown since the list's calls got it: then they have to be made anew. */
  get isOutdated(): boolean {
    const { address, stride } = this.#runtime.scratch(0)
    return this.#scratch.address !== address || this.#scratch.stride !== stride
  }

  scratch(bytes: number): { address: number; stride: number } {
    return this.#runtime.scratch(bytes)
  }

  /** Adds a call to the group. */
  run(kernel: number, tiles: number, operations: number): void {
    if (tiles <= 0) return
    const { address, words } = this.#next()
    this.#runtime.assertWithinMemory(kernel, words, tiles)
    this.#words.push(kernel, tiles, address, 0)
    this.#calls++
    this.#words[this.#group]!++
    this.#words[this.#group + 1]! += tiles
    this.#operations += operations
    this.#isWritten = false
  }

  /** Ends the group: what follows may need its results. */
  barrier(): void {
    const words = this.#words
    if (words[this.#group] === 0) return
    const isParallel = this.threads > 1 && words[this.#group + 1]! > 1 && this.#operations > PARALLEL_OPERATIONS
    words[this.#group + 2] = isParallel ? 1 : 0
    words[this.#group + 3] = Math.min(2 ** 31 - 1, Math.round(this.#operations / GROUP_OPERATIONS))
    this.#groups++
    this.#begin()
  }

  /** Runs all calls and returns when the last one is done. */
  dispatch(): void {
    this.barrier()
    if (!this.#isWritten) this.#write()
    this.#runtime.runList(this.#address, this.#groups)
  }

  /** Removes all calls, to be filled anew. */
  clear(): void {
    this.#words = []
    this.#groups = 0
    this.#calls = 0
    this.#isWritten = false
    const { address, stride } = this.#runtime.scratch(0)
    this.#scratch = { address, stride }
    this.#begin()
  }

  /** Frees its memory. */
  dispose(): void {
    const { allocator } = this.#runtime
    for (const address of this.#blocks) allocator.release(address)
    if (this.#capacity > 0) allocator.release(this.#address)
  }

  #begin(): void {
    this.#group = this.#words.length
    this.#words.push(0, 0, 0, 0)
    this.#operations = 0
  }

  #next(): Arguments {
    const known = this.#arguments[this.#calls]
    if (known) return known
    const { allocator } = this.#runtime
    const bytes = ARGUMENT_WORDS * 4
    const block = allocator.allocate(BLOCK_CALLS * bytes)
    this.#blocks.push(block)
    const { buffer } = allocator.memory
    for (let address = block; address < block + BLOCK_CALLS * bytes; address += bytes) {
      const words = new Int32Array(buffer, address, ARGUMENT_WORDS)
      this.#arguments.push({ address, words, floats: new Float32Array(buffer, address, ARGUMENT_WORDS) })
    }
    return this.#arguments[this.#calls]!
  }

  #write(): void {
    const { allocator } = this.#runtime
    const { length } = this.#words
    if (length > this.#capacity) {
      if (this.#capacity > 0) allocator.release(this.#address)
      this.#capacity = 0
      this.#address = allocator.allocate(2 * length * 4)
      this.#capacity = 2 * length
    }
    new Int32Array(allocator.memory.buffer, this.#address, length).set(this.#words)
    this.#isWritten = true
  }
}
