import { EngineError } from '../../errors.js'
import { loadPjrtAddon } from './addon.js'
import { compileWithFlags } from './compileOptions.js'
import type { CompilerFlags } from './compileOptions.js'
import { asEngineError } from './pjrtErrors.js'
import type { Program, ProgramMemory } from './runner.js'
import { checkSharedLibrary } from './sharedLibrary.js'

/** What became of a program on a GPU that is not there. */
export interface AheadOfTime {
  readonly memory: ProgramMemory
  /** The program as it would run, after all of XLA's passes: an HloModuleProtoWithConfig. */
  readonly optimized: Uint8Array
  /** Bytes of the executable, with the code for the GPU. */
  readonly executableBytes: number
}

/**
 * Compiles a program for a GPU that need not be there. Nothing is measured on it, so XLA chooses products by rules instead of by trial.
 * Throws an EngineError with the compiler's message.
 */
export async function compileFor(
  /** The plugin's shared library; that for CUDA needs no GPU for this. */
  file: string,
  /** The GPU: a GpuTargetConfigProto as text. */
  targetConfig: string,
  program: Program,
  /** Debug options of XLA beside those that programs for CUDA get. */
  flags: CompilerFlags = {},
): Promise<AheadOfTime> {
  checkSharedLibrary(file)
  const addon = loadPjrtAddon()
  const compiled = await compileWithFlags('cuda', flags, (options) =>
    addon.compileFor(file, targetConfig, Buffer.from(program.text), options),
  ).catch((cause: unknown) => {
    throw asEngineError(`the program ${program.name} cannot be compiled by ${file}`, cause)
  })
  const { memory, optimized, serialized } = compiled
  if (!memory || !optimized || !serialized) {
    throw new EngineError(`${file} compiled ${program.name}, but does not say to what; expected a newer plugin`)
  }
  return { memory, optimized: new Uint8Array(optimized), executableBytes: serialized.byteLength }
}
