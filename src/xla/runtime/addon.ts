import { requireAddon } from '../../io/nativeAddon.js'
import type { ProgramMemory } from './runner.js'

/** What is expected of the addon; the number of native/pjrt/addon.c. */
const ADDON_VERSION = 1

declare const handleKind: unique symbol
/** Something that the addon holds. */
interface Handle<Kind extends string> {
  readonly [handleKind]: Kind
}
export type ClientHandle = Handle<'client'>
export type ExecutableHandle = Handle<'executable'>
export type ArrayHandle = Handle<'array'>

/** What a plugin says about itself and its first device. */
export interface OpenedPlugin {
  readonly handle: ClientHandle
  readonly platform: string
  readonly version: string
  readonly device: string
  /** Version of its PJRT interface. */
  readonly api: string
  /** E.g. xla_version, stablehlo_current_version. */
  readonly attributes: Readonly<Record<string, string | number>>
  /** Of the device; a card of NVIDIA has a `compute_capability`. */
  readonly deviceAttributes?: Readonly<Record<string, string | number>>
}

/** What a plugin says about a compiled program; null where it does not. */
export interface CompiledProgram {
  readonly memory: ProgramMemory | null
  /** Types (PJRT_Buffer_Type) and shapes of the results. */
  readonly outputs: readonly { readonly type: number; readonly shape: readonly number[] }[] | null
  readonly serialized: ArrayBuffer | null
}

/** The value of a named option: an integer as a bigint, a fraction as a number. */
export type OptionValue = string | boolean | bigint | number | BigInt64Array

/**
 * The addon that native/pjrt is compiled to. Errors of XLA carry its message, and as `code` the name of PJRT's kind of error, e.g.
 * RESOURCE_EXHAUSTED.
 */
export interface PjrtAddon {
  readonly version: number
  /** Loads a plugin, and opens its first device. */
  open(
    file: string,
    /** What is opened before, with a NUL behind each path. */
    libraries: string,
    options: readonly (readonly [string, OptionValue])[],
  ): Promise<OpenedPlugin>
  /** Frees arrays, executables and the device; work that has begun is finished first. */
  close(client: ClientHandle): void
  compile(
    client: ClientHandle,
    text: Uint8Array,
    /** A CompileOptionsProto. */
    options: Uint8Array,
    /** Whether it is wanted in bytes too. */
    serialize: boolean,
  ): Promise<CompiledProgram & { readonly handle: ExecutableHandle }>
  /** An executable from its bytes. */
  load(client: ClientHandle, serialized: Uint8Array): Promise<CompiledProgram & { readonly handle: ExecutableHandle }>
  /** Compiles for a device that a text describes and that need not be there. */
  compileFor(
    file: string,
    target: string,
    text: Uint8Array,
    options: Uint8Array,
  ): Promise<CompiledProgram & { readonly optimized: ArrayBuffer | null; readonly format: string | null }>
  upload(client: ClientHandle, values: NodeJS.TypedArray, type: number, shape: BigInt64Array): ArrayHandle
  execute(executable: ExecutableHandle, inputs: readonly ArrayHandle[]): ArrayHandle[]
  read(array: ArrayHandle): Promise<ArrayBuffer>
  free(array: ArrayHandle): void
  isAlive(array: ArrayHandle): boolean
  memory(
    client: ClientHandle,
  ): { readonly used: number; readonly peak: number | null; readonly limit: number | null } | null
}

let loaded: PjrtAddon | null = null

/** The addon. Throws an EngineError that says why it cannot be loaded. */
export function loadPjrtAddon(): PjrtAddon {
  if (loaded) return loaded
  // XLA tells of every pass on the standard error output otherwise; errors stay.
  process.env.TF_CPP_MIN_LOG_LEVEL ??= '2'
  loaded = requireAddon<PjrtAddon>('pjrt-', ADDON_VERSION, "the addon for XLA's plugins")
  return loaded
}
