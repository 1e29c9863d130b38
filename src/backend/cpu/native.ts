import { EngineError } from '../../errors.js'
import { findAddons, loadAddon, loadWholeAddon } from '../../io/nativeAddon.js'

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
export function findNativeKernels(
  /** Folders with addons, the first one to be preferred. Defaults to those of the package. */
  folders?: readonly string[],
): readonly NativeKernels[] | string {
  let problem = `native kernels are not built for ${process.platform}-${process.arch}`
  for (const file of findAddons('', folders)) {
    try {
      const { version, sets } = loadWholeAddon(file) as NativeAddon
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
  const tiles = (loadAddon(file) as NativeAddon).attach(new Uint8Array(memory.buffer), set, 0)
  if (!tiles) throw new EngineError(`native kernels for ${set} do not take the memory`)
  return tiles
}
