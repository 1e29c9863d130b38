import fs from 'node:fs'
import { fileURLToPath } from 'node:url'
import { EngineError } from '../../errors.js'

/** What is expected of the addon; the number of native/kernels/kernels.h. */
export const NATIVE_VERSION = 2

/** The addon that native/kernels is compiled to. */
interface NativeAddon {
  readonly version: number
  /** Instruction sets of this processor, the best first, and the kernels that there are for each. */
  readonly sets: readonly { readonly name: string; readonly kernels: readonly number[] }[]
  /** Makes the function that computes tiles on a memory, for a thread. */
  attach(memory: Uint8Array, set: string, thread: number): NativeTiles | undefined
}

/** Computes tiles first … end − 1 of a kernel whose arguments stand at an address. */
export type NativeTiles = (kernel: number, args: number, first: number, end: number) => void

/** Kernels in native code for one instruction set. */
export interface NativeKernels {
  /** The addon's file; each thread loads it. */
  readonly file: string
  /** `AVX-512`, `AVX2` or `NEON`. */
  readonly set: string
  /** Numbers of the kernels. */
  readonly kernels: readonly number[]
}

/** The instruction sets that native kernels can compute with here, the best first, or why there are none. */
export function findNativeKernels(): readonly NativeKernels[] | string {
  const name = `${process.platform}-${process.arch}.node`
  // What was built here, else what came with the package.
  const files = ['dist/native', 'prebuilds'].map((folder) =>
    fileURLToPath(new URL(`../../../${folder}/${name}`, import.meta.url)),
  )
  let problem = `native kernels are not built for ${process.platform}-${process.arch}`
  for (const file of files) {
    if (!fs.existsSync(file)) continue
    try {
      const { version, sets } = loadAddon(file)
      if (version !== NATIVE_VERSION) problem = `native kernels are of version ${version}, expected ${NATIVE_VERSION}`
      else if (sets.length === 0) problem = 'native kernels need a processor with AVX2'
      else return sets.map(({ name: set, kernels }) => ({ file, set, kernels }))
    } catch (cause) {
      problem = `native kernels cannot be loaded: ${cause instanceof Error ? cause.message : String(cause)}`
    }
  }
  return problem
}

/** The function that computes tiles on a memory, for the main thread. */
export function attachNativeKernels({ file, set }: NativeKernels, memory: WebAssembly.Memory): NativeTiles {
  const tiles = loadAddon(file).attach(new Uint8Array(memory.buffer), set, 0)
  if (!tiles) throw new EngineError(`native kernels for ${set} do not take the memory`)
  return tiles
}

function loadAddon(file: string): NativeAddon {
  const module = { exports: {} }
  process.dlopen(module, file)
  return module.exports as NativeAddon
}
