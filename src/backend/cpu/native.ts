import { createHash } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
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

/** Where addons are: what was built here, else what came with the package. */
const FOLDERS = ['dist/native', 'prebuilds'].map((name) => fileURLToPath(new URL(`../../../${name}`, import.meta.url)))

/** The instruction sets that native kernels can compute with here, the best first, or why there are none. */
export function findNativeKernels(
  /** Folders with addons, the first one to be preferred. Defaults to those of the package. */
  folders: readonly string[] = FOLDERS,
): readonly NativeKernels[] | string {
  const files = folders.map((folder) => path.join(folder, `${process.platform}-${process.arch}.node`))
  let problem = `native kernels are not built for ${process.platform}-${process.arch}`
  for (const file of files) {
    if (!fs.existsSync(file)) continue
    try {
      assertWhole(file)
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

/** Throws when a file is not what was built: the system ends a process that loads half an addon, where a copy was cut off. */
function assertWhole(file: string): void {
  const sums = `${file}.sha256`
  if (!fs.existsSync(sums)) throw new EngineError(`${sums} is missing; build or install the package again`)
  const [expected] = fs.readFileSync(sums, 'utf8').split(' ')
  if (createHash('sha256').update(fs.readFileSync(file)).digest('hex') === expected) return
  throw new EngineError(
    `${file} is damaged (it is not what ${path.basename(sums)} says); build or install the package again`,
  )
}

function loadAddon(file: string): NativeAddon {
  const module = { exports: {} }
  process.dlopen(module, file)
  return module.exports as NativeAddon
}
