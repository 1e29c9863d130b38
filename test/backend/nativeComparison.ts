import { CODEBOOK_BYTES } from '../../src/backend/cpu/gemm.js'
import { placeCodebook } from '../../src/backend/cpu/kernels/codePanels.js'
import { compileKernels } from '../../src/backend/cpu/kernelModule.js'
import { findNativeKernels } from '../../src/backend/cpu/native.js'
import type { NativeKernels } from '../../src/backend/cpu/native.js'
import { Runtime } from '../../src/backend/cpu/runtime.js'

/** Numbers in memory that a kernel writes. */
interface Output {
  readonly address: number
  readonly size: number
}

/** Describes tests for each instruction set that native kernels have here; where there is none, a test that is skipped says why. */
export function onEachInstructionSet(threads: number, tests: (comparison: () => NativeComparison) => void): void {
  const available = findNativeKernels()
  if (typeof available === 'string') {
    it.skip(available)
    return
  }
  for (const native of available) {
    describe(native.set, () => {
      let comparison: NativeComparison
      before(async () => {
        comparison = await NativeComparison.start(native, threads)
      })
      after(() => comparison.stop())
      tests(() => comparison)
    })
  }
}

/** A runtime whose kernels are run twice, in WebAssembly and in native code, on pseudo-random numbers. */
export class NativeComparison {
  #state = 12345
  readonly #blocks: number[] = []

  private constructor(
    readonly runtime: Runtime,
    readonly native: NativeKernels,
  ) {}

  static async start(native: NativeKernels, threads = 1): Promise<NativeComparison> {
    const kernels = { ...(await compileKernels()), native }
    return new NativeComparison(await Runtime.start({ threads, kernels }), native)
  }

  /** From −1 to 1. */
  random(): number {
    this.#state = (Math.imul(this.#state, 1664525) + 1013904223) >>> 0
    return this.#state / 2 ** 31 - 1
  }

  /** Address of some random numbers. */
  floats(size: number): number {
    const address = this.allocate(size * 4)
    const values = this.view(address, size)
    for (let i = 0; i < size; i++) values[i] = this.random()
    return address
  }

  /** Address of a random weight [out, width] in bfloat16 panels. */
  bfloat16Panels(out: number, width: number): number {
    const size = Math.ceil(out / 16) * 8 * width
    const address = this.floats(size)
    // The upper half of a float32 is a bfloat16; that of another one goes to the lower half.
    const words = new Uint32Array(this.runtime.allocator.memory.buffer, address, size)
    let last = words[size - 1]!
    for (let i = 0; i < size; i++) {
      const word = words[i]!
      words[i] = (word & 0xffff0000) | (last >>> 16)
      last = word
    }
    return address
  }

  /** Address of what random codes of 4 bits stand for. */
  codebook(): number {
    const address = this.allocate(CODEBOOK_BYTES)
    placeCodebook(
      this.runtime.allocator.memory.buffer,
      address,
      Float32Array.from({ length: 16 }, () => this.random()),
    )
    return address
  }

  allocate(bytes: number): number {
    const address = this.runtime.allocator.allocate(bytes)
    this.#blocks.push(address)
    return address
  }

  view(address: number, size: number): Float32Array {
    return new Float32Array(this.runtime.allocator.memory.buffer, address, size)
  }

  /** Says where the results of native code differ from those of WebAssembly; null where nowhere. All NaN are equal. */
  difference(outputs: readonly Output[], run: () => void): string | null {
    const views = outputs.map(({ address, size }) => this.view(address, size))
    const before = views.map((view) => view.slice())
    this.runtime.setNativeKernels([])
    run()
    const expected = views.map((view) => view.slice())
    views.forEach((view, i) => {
      view.set(before[i]!)
    })
    this.runtime.setNativeKernels(this.native.kernels)
    run()
    for (const [output, view] of views.entries()) {
      for (const [i, value] of view.entries()) {
        const wanted = expected[output]![i]!
        if (!Object.is(value, wanted)) return `output ${output}, number ${i}: ${value}, expected ${wanted}`
      }
    }
    return null
  }

  releaseAll(): void {
    for (const address of this.#blocks.splice(0)) this.runtime.allocator.release(address)
  }

  stop(): Promise<void> {
    return this.runtime.stop()
  }
}
