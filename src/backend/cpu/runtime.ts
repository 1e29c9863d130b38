import fs from 'node:fs'
import os from 'node:os'
import v8 from 'node:v8'
import { Worker } from 'node:worker_threads'
import { EngineError, ConfigError } from '../../errors.js'
import { scriptFlags } from '../../io/moduleWorker.js'
import { Allocator } from './allocator.js'
import { BLOCK_ROWS } from './constants.js'
import { ARGUMENT_WORDS } from './kernelCalls.js'
import type { KernelCalls } from './kernelCalls.js'

interface KernelExports {
  dispatch(kernel: number, tiles: number, args: number, parallel: number): void
  dispatchList(list: number, groups: number): void
  endHelpers(): void
}

/** Address of the arguments of the running kernel. */
const ARGUMENTS = 2048
/** Below so many operations (multiply-adds or the like), waking the helpers costs more than they save. */
const PARALLEL_OPERATIONS = 60_000

/** Body of a helper thread; as a string, so that it needs no file that a bundler or a notebook kernel would have to find. */
const HELPER_SOURCE = `
const { parentPort, workerData } = require('node:worker_threads')
const { module, memory, index } = workerData
const { exports } = new WebAssembly.Instance(module, { env: { memory, abort() {} } })
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
  /** Arguments of the next kernel as 32-bit words, and the same words as floats. */
  readonly args: Int32Array
  readonly floatArgs: Float32Array
  readonly #exports: KernelExports
  readonly #helpers: readonly Worker[]
  #scratch = 0
  #scratchBytes = 0

  private constructor(
    allocator: Allocator,
    exports: KernelExports,
    helpers: readonly Worker[],
    fusedMultiplyAdd: boolean,
  ) {
    this.allocator = allocator
    this.threads = helpers.length + 1
    this.fusedMultiplyAdd = fusedMultiplyAdd
    this.args = new Int32Array(allocator.memory.buffer, ARGUMENTS, ARGUMENT_WORDS)
    this.floatArgs = new Float32Array(allocator.memory.buffer, ARGUMENTS, ARGUMENT_WORDS)
    new Int32Array(allocator.memory.buffer, BLOCK_ROWS, 1)[0] = 2
    this.#exports = exports
    this.#helpers = helpers
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
      /** Defaults to true where the engine has relaxed SIMD. */
      fusedMultiplyAdd?: boolean
    } = {},
  ): Promise<Runtime> {
    const threads = options.threads ?? os.availableParallelism()
    if (!Number.isInteger(threads) || threads < 1 || threads > 256) {
      throw new ConfigError(`threads is ${threads}; expected a whole number from 1 to 256`)
    }
    const { bytes, fused } = readModule(options.fusedMultiplyAdd ?? true)
    const module = await WebAssembly.compile(bytes)
    const allocator = reserveMemory()
    const { memory } = allocator
    const instance = await WebAssembly.instantiate(module, { env: { memory, abort: () => undefined } })
    const helpers = Array.from(
      { length: threads - 1 },
      (_, i) =>
        new Worker(HELPER_SOURCE, { ...scriptFlags(), eval: true, workerData: { module, memory, index: i + 1 } }),
    )
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
    return new Runtime(allocator, instance.exports as unknown as KernelExports, helpers, fused)
  }

  /**
   * Runs a kernel whose arguments were written to {@link Runtime.args}.
   * @param operations rough number of multiply-adds, which decides whether the helpers are woken
   */
  run(kernel: number, tiles: number, operations: number): void {
    if (tiles <= 0) return
    const parallel = this.threads > 1 && tiles > 1 && operations > PARALLEL_OPERATIONS
    this.#exports.dispatch(kernel, tiles, ARGUMENTS, parallel ? 1 : 0)
  }

  /** Runs the groups of a list of calls, which lies in memory as assembly/scheduler.ts says. */
  runList(address: number, groups: number): void {
    this.#exports.dispatchList(address, groups)
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

  /** Ends the helper threads; the runtime cannot be used afterwards. */
  async stop(): Promise<void> {
    this.#exports.endHelpers()
    await Promise.all(this.#helpers.map((helper) => helper.terminate()))
  }
}

/** The WebAssembly module with or without relaxed SIMD, whichever the engine takes. */
function readModule(fusedWanted: boolean): { bytes: Uint8Array<ArrayBuffer>; fused: boolean } {
  const read = (name: string): Uint8Array<ArrayBuffer> => {
    const file = new URL(`../../../dist/${name}`, import.meta.url)
    try {
      return new Uint8Array(fs.readFileSync(file))
    } catch (cause) {
      throw new EngineError(`the cpu backend's kernels are missing (${file.pathname}); run \`npm run build\``, {
        cause,
      })
    }
  }
  if (fusedWanted) {
    const bytes = read('kernels-fma.wasm')
    if (WebAssembly.validate(bytes)) return { bytes, fused: true }
    // Node 20 has relaxed SIMD behind a flag, which counts for modules compiled after it was set.
    v8.setFlagsFromString('--experimental-wasm-relaxed-simd')
    if (WebAssembly.validate(bytes)) return { bytes, fused: true }
  }
  const bytes = read('kernels.wasm')
  if (!WebAssembly.validate(bytes)) {
    throw new EngineError(
      `this JavaScript engine (Node ${process.version}) does not take WebAssembly with SIMD and threads; use Node 20.19 or newer`,
    )
  }
  return { bytes, fused: false }
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
