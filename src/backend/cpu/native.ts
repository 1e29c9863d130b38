import { EngineError } from '../../errors.js'
import { findAddons, loadAddon, loadWholeAddon } from '../../io/nativeAddon.js'
import type { Allocator } from './allocator.js'
import { NativeMemory } from './nativeMemory.js'

/** What is expected of the addon; the number of native/kernels/kernels.h. */
export const NATIVE_VERSION = 4

/** The addon that native/kernels is compiled to. */
export interface NativeAddon {
  readonly version: number
  /** Instruction sets of this processor, the best first, and the kernels that there are for each. */
  readonly sets: readonly { readonly name: string; readonly kernels: readonly number[] }[]
  /** Makes the function that computes tiles on a memory, for a thread. */
  attach(memory: Uint8Array, set: string, thread: number): NativeTiles | undefined
  /** Memory of the process outside WebAssembly's; undefined when the system refuses it. */
  map(bytes: number): { readonly buffer: ArrayBuffer; readonly address: number } | undefined
  /** Gives such memory back at once; its ArrayBuffer is detached. */
  unmap(buffer: ArrayBuffer): void
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

/** The function that computes tiles on a memory, for the main thread, and memory outside of it, of which they can read weights. */
export function attachNativeKernels(
  { file, set }: NativeKernels,
  allocator: Allocator,
): { nativeTiles: NativeTiles; nativeMemory: NativeMemory } {
  const addon = loadAddon(file) as NativeAddon
  const nativeTiles = addon.attach(new Uint8Array(allocator.memory.buffer), set, 0)
  if (!nativeTiles) throw new EngineError(`native kernels for ${set} do not take the memory`)
  return { nativeTiles, nativeMemory: new NativeMemory(addon, allocator) }
}
