import os from 'node:os'
import { Worker } from 'node:worker_threads'
import { EngineError, ConfigError } from '../../errors.js'
import { scriptFlags } from '../../io/moduleWorker.js'
import { Allocator, PAGE } from './allocator.js'
import { BLOCK_ROWS, KernelId, NATIVE_FAULT, NATIVE_KERNELS, NATIVE_PAGES, OBSERVED } from './constants.js'
import { assertWithinMemory } from './extents.js'
import { ARGUMENT_WORDS } from './kernelCalls.js'
import type { KernelCalls } from './kernelCalls.js'
import { compileKernels } from './kernelModule.js'
import type { KernelModule } from './kernelModule.js'
import { attachNativeKernels } from './native.js'
import type { NativeKernels } from './native.js'
import type { NativeMemory } from './nativeMemory.js'

interface KernelExports {
  dispatch(kernel: number, tiles: number, args: number, parallel: number): void
  dispatchList(list: number, groups: number): void
  endHelpers(): void
}

/** Operations of which a group's word in a list is the number. */
export const GROUP_OPERATIONS = 1024

/** A group of calls that was run: its tiles were handed out together. */
export interface ObservedGroup {
  /** The kernel, of several calls the first one. */
  readonly kernel: number
  readonly tiles: number
  /** Rough number of multiply-adds, or the like. */
  readonly operations: number
  /** Whether it is one of a list. */
  readonly isListed: boolean
  /** Whether the helpers took part. */
  readonly isParallel: boolean
  /** On the main thread, from beginning to end. */
  readonly milliseconds: number
  /** Of these, those in which the main thread had no tile left and waited for the helpers. */
  readonly waiting: number
}

/** The first words of a group in a list, and its first call's kernel. */
type GroupWords = [calls: number, tiles: number, parallel: number, operations: number, kernel: number]

/** Address of the arguments of the running kernel. */
const ARGUMENTS = 2048
/** Below so many operations (multiply-adds or the like), waking the helpers costs more than they save. */
const PARALLEL_OPERATIONS = 60_000

/** A frozen weight from so many bytes on lies in native memory, where it has a block of its own. */
export const OUTSIDE_BYTES = 8 * 2 ** 20
/** The kernels that read frozen weights. */
const WEIGHT_KERNELS: readonly number[] = [KernelId.gemm, KernelId.embed]

/** Body of a helper thread; as a string, so that it needs no file that a bundler or a notebook kernel would have to find. */
const HELPER_SOURCE = `
const { parentPort, workerData } = require('node:worker_threads')
const { module, memory, index, native } = workerData
let nativeTiles = () => {}
if (native) {
  const addon = { exports: {} }
  process.dlopen(addon, native.file)
  nativeTiles = addon.exports.attach(new Uint8Array(memory.buffer), native.set, index)
}
const { exports } = new WebAssembly.Instance(module, { env: { memory, abort() {}, clock() {}, nativeTiles } })
parentPort.postMessage('ready')
exports.helperLoop(index)
`

/**
 * The WebAssembly module of the cpu backend on its shared memory, with one helper thread for every core but the first.
 * Kernels are synchronous: {@link Runtime.run} returns when all threads are done.
 */
export class Runtime implements KernelCalls {
  readonly allocator: Allocator
  readonly threads: number
  /** Whether products and sums are fused (relaxed SIMD). Changes the rounding, not the meaning. */
  readonly fusedMultiplyAdd: boolean
  /** Kernels in native code, which compute in place of those of the module; null where the module computes all. */
  readonly native: NativeKernels | null
  /** Memory outside {@link Runtime.allocator}'s, for weights that native kernels read; null where there are none. */
  readonly nativeMemory: NativeMemory | null
  /** Arguments of the next kernel as 32-bit words, and the same words as floats. */
  readonly args: Int32Array
  readonly floatArgs: Float32Array
  readonly #exports: KernelExports
  readonly #helpers: readonly Worker[]
  /** Pages of the memory, and whether native code would have gone beyond it. */
  readonly #nativeWords: Int32Array
  #nativeKernels: ReadonlySet<number> = new Set()
  #observer: ((group: ObservedGroup) => void) | null = null
  #scratch = 0
  #scratchBytes = 0

  private constructor(
    allocator: Allocator,
    exports: KernelExports,
    helpers: readonly Worker[],
    { fusedMultiplyAdd, blockRows, native }: KernelModule,
    nativeMemory: NativeMemory | null,
  ) {
    this.allocator = allocator
    this.threads = helpers.length + 1
    this.fusedMultiplyAdd = fusedMultiplyAdd
    this.args = new Int32Array(allocator.memory.buffer, ARGUMENTS, ARGUMENT_WORDS)
    this.floatArgs = new Float32Array(allocator.memory.buffer, ARGUMENTS, ARGUMENT_WORDS)
    this.#nativeWords = new Int32Array(allocator.memory.buffer, NATIVE_PAGES, (NATIVE_FAULT - NATIVE_PAGES) / 4 + 1)
    this.#exports = exports
    this.#helpers = helpers
    this.native = native ?? null
    this.nativeMemory = nativeMemory
    this.setBlockRows(blockRows)
    this.setNativeKernels(native?.kernels ?? [])
  }

  /**
   * Compiles the module and starts the helper threads.
   * @throws EngineError when WebAssembly with SIMD and threads is missing or the build's files are, ConfigError for a number
   * of threads out of range.
   */
  static async start(
    options: {
      /** Threads in all, the main one included. Defaults to the number of cores. */
      threads?: number
      /** Defaults to those for vectors of 128 bits. */
      kernels?: KernelModule
      /** Pages of 64 KiB that the memory may grow to. Defaults to 4 GiB, or as much as the system gives. */
      memoryPages?: number
    } = {},
  ): Promise<Runtime> {
    const threads = options.threads ?? os.availableParallelism()
    if (!Number.isInteger(threads) || threads < 1 || threads > 256) {
      throw new ConfigError(`threads is ${threads}; expected a whole number from 1 to 256`)
    }
    const kernels = options.kernels ?? (await compileKernels())
    const { module, native } = kernels
    const allocator = options.memoryPages === undefined ? reserveMemory() : new Allocator(options.memoryPages)
    const { memory } = allocator
    const attached = native ? attachNativeKernels(native, allocator) : null
    const nativeTiles = attached?.nativeTiles ?? (() => undefined)
    const env = { memory, abort: () => undefined, clock: () => performance.now(), nativeTiles }
    const instance = await WebAssembly.instantiate(module, { env })
    const helpers = Array.from({ length: threads - 1 }, (_, i) => {
      const workerData = { module, memory, index: i + 1, native }
      return new Worker(HELPER_SOURCE, { ...scriptFlags(), eval: true, workerData })
    })
    await Promise.all(
      helpers.map(
        (helper) =>
          new Promise<void>((resolve, reject) => {
            helper.once('message', () => {
              resolve()
            })
            helper.once('error', reject)
          }),
      ),
    )
    // Sleeping helpers must not keep the program from ending.
    for (const helper of helpers) helper.unref()
    const exports = instance.exports as unknown as KernelExports
    return new Runtime(allocator, exports, helpers, kernels, attached?.nativeMemory ?? null)
  }

  /**
   * Runs a kernel whose arguments were written to {@link Runtime.args}.
   * @param operations rough number of multiply-adds, which decides whether the helpers are woken
   */
  run(kernel: number, tiles: number, operations: number): void {
    if (tiles <= 0) return
    this.assertWithinMemory(kernel, this.args, tiles)
    const parallel = this.threads > 1 && tiles > 1 && operations > PARALLEL_OPERATIONS
    if (!this.#observer) {
      this.#dispatch(kernel, tiles, parallel)
    } else {
      this.#observe({ kernel, tiles, operations, isListed: false, isParallel: parallel }, () => {
        this.#dispatch(kernel, tiles, parallel)
      })
    }
  }

  /** Runs the groups of a list of calls, which lies in memory as assembly/scheduler.ts says. */
  runList(address: number, groups: number): void {
    if (!this.#observer) {
      this.#dispatchList(address, groups)
      return
    }
    const words = new Int32Array(this.allocator.memory.buffer)
    for (let group = address / 4; groups > 0; groups--) {
      const [calls, tiles, parallel, operations, kernel] = Array.from(words.subarray(group, group + 5)) as GroupWords
      const isParallel = parallel !== 0
      this.#observe({ kernel, tiles, operations: operations * GROUP_OPERATIONS, isListed: true, isParallel }, () => {
        this.#dispatchList(group * 4, 1)
      })
      group += 4 * (1 + calls)
    }
  }

  #dispatch(kernel: number, tiles: number, parallel: boolean): void {
    this.#tellMemorySize()
    this.#exports.dispatch(kernel, tiles, ARGUMENTS, parallel ? 1 : 0)
    this.#throwFault()
  }

  #dispatchList(address: number, groups: number): void {
    this.#tellMemorySize()
    this.#exports.dispatchList(address, groups)
    this.#throwFault()
  }

  /** What stands in lists in memory is checked by native code itself. */
  #tellMemorySize(): void {
    this.#nativeWords[0] = this.allocator.memory.buffer.byteLength / PAGE
  }

  #throwFault(): void {
    if (this.#nativeWords[1] === 0) return
    this.#nativeWords[1] = 0
    throw new EngineError(
      'internal: a list of attention or of tokens reached beyond the memory for tensors; please report it',
    )
  }

  /** Tells of every group of calls from now on, which then takes some tenths of a microsecond more; null ends that. */
  observe(observer: ((group: ObservedGroup) => void) | null): void {
    this.#observer = observer
    new Int32Array(this.allocator.memory.buffer, OBSERVED, 1)[0] = observer ? 1 : 0
  }

  #observe(group: Omit<ObservedGroup, 'milliseconds' | 'waiting'>, run: () => void): void {
    const started = performance.now()
    run()
    const ended = performance.now()
    const waiting = group.isParallel ? ended - new Float64Array(this.allocator.memory.buffer, OBSERVED + 8, 1)[0]! : 0
    this.#observer?.({ ...group, milliseconds: ended - started, waiting })
  }

  /** Address of a scratch area of at least `bytes` bytes for each thread, and the distance between two threads' areas. */
  scratch(bytes: number): { address: number; stride: number } {
    if (bytes > this.#scratchBytes) {
      if (this.#scratchBytes > 0) this.allocator.release(this.#scratch)
      this.#scratchBytes = 0
      const stride = Math.ceil(bytes / 4096) * 4096
      this.#scratch = this.allocator.allocate(stride * this.threads)
      this.#scratchBytes = stride
    }
    return { address: this.#scratch, stride: this.#scratchBytes }
  }

  /** Sets how many rows a block of a product has at most, 1 to 6: a matter of speed. */
  setBlockRows(rows: number): void {
    new Int32Array(this.allocator.memory.buffer, BLOCK_ROWS, 1)[0] = rows
  }

  /**
   * Checks a call before it is run.
   * @throws EngineError when it would read or write beyond the memory
   */
  assertWithinMemory(kernel: number, args: Int32Array, tiles: number): void {
    const outside = this.#nativeKernels.has(kernel) ? this.nativeMemory : null
    assertWithinMemory(kernel, args, tiles, this.allocator.memory.buffer.byteLength, outside)
  }

  /** Whether a frozen weight of so many bytes lies in native memory. */
  keepsOutside(bytes: number): boolean {
    return (
      bytes >= OUTSIDE_BYTES && this.nativeMemory !== null && WEIGHT_KERNELS.every((id) => this.#nativeKernels.has(id))
    )
  }

  /**
   * Sets which kernels native code computes, by their numbers; where the runtime has no native code, there are none.
   * @throws EngineError when weights lie in native memory that the others could not read
   */
  setNativeKernels(kernels: readonly number[]): void {
    if (this.nativeMemory?.isEmpty === false && !WEIGHT_KERNELS.every((id) => kernels.includes(id))) {
      throw new EngineError('internal: weights lie in native memory, which only native code reaches')
    }
    this.#nativeKernels = new Set(this.native ? kernels : [])
    const mask = kernels.reduce((bits, kernel) => bits | (1n << BigInt(kernel)), 0n)
    new BigUint64Array(this.allocator.memory.buffer, NATIVE_KERNELS, 1)[0] = this.native ? mask : 0n
  }

  /** Ends the helper threads; the runtime cannot be used afterwards. */
  async stop(): Promise<void> {
    this.#exports.endHelpers()
    await Promise.all(this.#helpers.map((helper) => helper.terminate()))
  }
}

/** Address space for the tensors: 4 GiB, the most that 32-bit WebAssembly has, or less where the system refuses that. */
function reserveMemory(): Allocator {
  for (let pages = 65536; ; pages /= 2) {
    try {
      // One page less: the end of a block must be an address too.
      return new Allocator(pages - 1)
    } catch (cause) {
      if (pages <= 4096) {
        throw new EngineError('the system refuses even 256 MiB of shared memory; raise its limit (ulimit -v)', {
          cause,
        })
      }
    }
  }
}
