import fs from 'node:fs'
import v8 from 'node:v8'
import { EngineError } from '../../errors.js'
import type { NativeKernels } from './native.js'

/** The compiled WebAssembly module of the cpu backend, and how its kernels are to be used. */
export interface KernelModule {
  readonly module: WebAssembly.Module
  /** Whether products and sums are fused (relaxed SIMD). Changes the rounding, not the meaning. */
  readonly fusedMultiplyAdd: boolean
  /** Most rows of a block of a product: what fits into the registers of 128 or of 256 bits; see assembly/blocks.ts. */
  readonly blockRows: 2 | 6
  /** What computes in place of kernels of the module. */
  readonly native?: NativeKernels
}

/**
 * Compiles the module for vectors of 128 bits.
 * @throws EngineError when the build's files are missing or this JavaScript engine does not take them
 */
export async function compileKernels(
  /** Fuse products and sums, where the engine has relaxed SIMD. */
  fusedMultiplyAdd = true,
): Promise<KernelModule> {
  const { bytes, fused } = kernelBytes(fusedMultiplyAdd)
  return { module: await WebAssembly.compile(bytes), fusedMultiplyAdd: fused, blockRows: 2 }
}

/** The WebAssembly module with or without relaxed SIMD, whichever the engine takes. */
export function kernelBytes(fusedWanted: boolean): { bytes: Uint8Array<ArrayBuffer>; fused: boolean } {
  if (fusedWanted) {
    const bytes = readModule('kernels-fma.wasm')
    if (WebAssembly.validate(bytes)) return { bytes, fused: true }
    // Node 20 has relaxed SIMD behind a flag, which counts for modules compiled after it was set.
    v8.setFlagsFromString('--experimental-wasm-relaxed-simd')
    if (WebAssembly.validate(bytes)) return { bytes, fused: true }
  }
  const bytes = readModule('kernels.wasm')
  if (!WebAssembly.validate(bytes)) {
    throw new EngineError(
      `this JavaScript engine (Node ${process.version}) does not take WebAssembly with SIMD and threads; use Node 20.19 or newer`,
    )
  }
  return { bytes, fused: false }
}

function readModule(name: string): Uint8Array<ArrayBuffer> {
  const file = new URL(`../../../dist/${name}`, import.meta.url)
  try {
    return new Uint8Array(fs.readFileSync(file))
  } catch (cause) {
    throw new EngineError(`the cpu backend's kernels are missing (${file.pathname}); run \`npm run build\``, { cause })
  }
}
