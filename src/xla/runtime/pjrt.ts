import { EngineError } from '../../errors.js'
import { HOST_ARRAYS, printType } from '../types.js'
import type { ArrayType, ElementType, HostArray } from '../types.js'
import type { ArrayHandle, CompiledProgram, ExecutableHandle } from './addon.js'
import { assertAlive, assertArguments, assertValues } from './checks.js'
import { openClient } from './clients.js'
import type { Client, ClientOptions } from './clients.js'
import { compileWithFlags, platformFlags } from './compileOptions.js'
import type { CompilerFlags } from './compileOptions.js'
import { asEngineError } from './pjrtErrors.js'
import { programKey, readCachedProgram, writeCachedProgram } from './programCache.js'
import type {
  CompileListener,
  DeviceArray,
  DeviceInfo,
  DeviceMemory,
  Executable,
  Program,
  ProgramMemory,
  Runner,
} from './runner.js'

/** What is opened, and how it compiles. */
export interface PjrtOptions {
  /** The plugin's shared library. */
  readonly file: string
  /** Shared libraries to open before it, in this order: it looks for them by their names alone. */
  readonly libraries?: readonly string[]
  /** Which GPU it uses, and its memory. */
  readonly client?: ClientOptions
  /** Where compiled programs are kept, so that they need not be compiled again. Defaults to nowhere. */
  readonly cacheFolder?: string
  /** Told of each program that is compiled. Defaults to nobody. */
  readonly onCompile?: CompileListener | undefined
  /** Debug options of XLA for every program, beside those that are set for the platform. */
  readonly flags?: CompilerFlags
}

/** Numbers of PJRT_Buffer_Type. */
const BUFFER_TYPES: Readonly<Record<ElementType, number>> = {
  f32: 11,
  bf16: 13,
  f16: 10,
  i32: 4,
  i8: 2,
  ui8: 6,
  i1: 1,
}

/**
 * Opens a plugin of XLA on its first device; those who open the same one share it.
 * @throws EngineError that says why it cannot be, ConfigError for options that it cannot have
 */
export async function openPjrt(options: PjrtOptions): Promise<Runner> {
  const { file, libraries = [], client = {}, cacheFolder } = options
  const opened = await openClient(file, libraries, client)
  const cache = cacheFolder === undefined ? null : { folder: cacheFolder, plugin: opened.fingerprint }
  return new PjrtRunner(opened, options, cache)
}

class PjrtArray implements DeviceArray {
  readonly dtype: ElementType
  readonly shape: readonly number[]
  constructor(
    readonly client: Client,
    readonly handle: ArrayHandle,
    { dtype, shape }: ArrayType,
  ) {
    this.dtype = dtype
    this.shape = shape
  }
  get isAlive(): boolean {
    return this.client.addon.isAlive(this.handle)
  }
}

interface LoadedProgram {
  readonly handle: ExecutableHandle
  readonly memory: ProgramMemory | null
}

class PjrtExecutable implements Executable {
  constructor(
    readonly client: Client,
    readonly handle: ExecutableHandle,
    readonly program: Program,
    readonly memory: ProgramMemory | null,
  ) {}
}

class PjrtRunner implements Runner {
  readonly info: DeviceInfo
  private readonly flags: CompilerFlags
  private readonly onCompile: CompileListener | undefined
  private isDisposed = false

  constructor(
    private readonly client: Client,
    { file, flags = {}, onCompile }: PjrtOptions,
    private readonly cache: { readonly folder: string; readonly plugin: string } | null,
  ) {
    const { platform, device, version, api, attributes, deviceAttributes = {} } = client.plugin
    const capability = Number.parseFloat(String(deviceAttributes.compute_capability))
    const compiler = [`PJRT ${api}`, version, ...Object.entries(attributes).map(([name, value]) => `${name} ${value}`)]
    this.info = {
      platform,
      device,
      ...(Number.isFinite(capability) && { computeCapability: capability }),
      compiler: compiler.join(', '),
      file,
    }
    this.flags = flags
    this.onCompile = onCompile
  }

  async compile(program: Program): Promise<Executable> {
    this.use()
    try {
      const { handle, memory } = (await this.load(program)) ?? (await this.compileAnew(program))
      return new PjrtExecutable(this.client, handle, program, memory)
    } catch (cause) {
      throw asEngineError(`the program ${program.name} cannot be compiled`, cause)
    }
  }

  /** A program from the cache; null when it has none that the plugin takes. */
  private async load(program: Program): Promise<LoadedProgram | null> {
    const cached = this.cache && readCachedProgram(this.cache.folder, this.keyOf(program, this.cache.plugin))
    if (!cached) return null
    const { addon, handle } = this.client
    try {
      const loaded = await addon.load(handle, cached.serialized)
      checkOutputs(program, loaded)
      return { handle: loaded.handle, memory: cached.memory }
    } catch {
      return null
    }
  }

  private async compileAnew(program: Program): Promise<LoadedProgram> {
    const { addon, handle } = this.client
    const compiling = compileWithFlags(this.info.platform, this.flags, (options) =>
      addon.compile(handle, Buffer.from(program.text), options, this.cache !== null),
    )
    this.onCompile?.(program.name, compiling)
    const compiled = await compiling
    checkOutputs(program, compiled)
    const { memory, serialized } = compiled
    if (this.cache && serialized) {
      const entry = { serialized: new Uint8Array(serialized), memory }
      writeCachedProgram(this.cache.folder, this.keyOf(program, this.cache.plugin), program, entry)
    }
    return compiled
  }

  private keyOf(program: Program, plugin: string): string {
    return programKey(program, { ...platformFlags(this.info.platform), ...this.flags }, this.info, plugin)
  }

  upload(values: HostArray, type: ArrayType): DeviceArray {
    const { addon, handle } = this.use()
    assertValues(values, type)
    const shape = BigInt64Array.from(type.shape, BigInt)
    try {
      return new PjrtArray(this.client, addon.upload(handle, values, BUFFER_TYPES[type.dtype], shape), type)
    } catch (cause) {
      throw asEngineError(`${printType(type)} cannot be copied to the device`, cause)
    }
  }

  execute(executable: Executable, inputs: readonly DeviceArray[]): DeviceArray[] {
    const { addon } = this.use()
    const { handle, program } = this.own(executable, PjrtExecutable, 'an executable')
    assertArguments(program, inputs)
    const handles = inputs.map((input) => this.own(input, PjrtArray, 'an array').handle)
    try {
      return addon.execute(handle, handles).map((output, i) => new PjrtArray(this.client, output, program.outputs[i]!))
    } catch (cause) {
      throw asEngineError(`the program ${program.name} cannot be run`, cause)
    }
  }

  async read(array: DeviceArray): Promise<HostArray> {
    const { addon } = this.use()
    const { handle, dtype } = this.own(array, PjrtArray, 'an array')
    assertAlive(array, printType(array))
    try {
      return new HOST_ARRAYS[dtype](await addon.read(handle))
    } catch (cause) {
      throw asEngineError(`${printType(array)} cannot be read from the device`, cause)
    }
  }

  free(...arrays: readonly DeviceArray[]): void {
    // Nothing of a client that is closed is left to be freed.
    for (const array of arrays) this.client.addon.free(this.own(array, PjrtArray, 'an array').handle)
  }

  memory(): DeviceMemory | null {
    const { addon, handle } = this.use()
    return addon.memory(handle)
  }

  dispose(): void {
    if (this.isDisposed) return
    this.isDisposed = true
    this.client.release()
  }

  /** The client, as long as the runner is not disposed. */
  private use(): Client {
    if (this.isDisposed) throw new EngineError(`the runner of ${this.info.file} was disposed; open the plugin again`)
    return this.client
  }

  /** An array or executable of this client's. */
  private own<T extends { readonly client: Client }>(
    value: unknown,
    kind: abstract new (...args: never[]) => T,
    expected: string,
  ): T {
    if (value instanceof kind && value.client.handle === this.client.handle) return value
    throw new EngineError(`expected ${expected} of the runner of ${this.info.file}`)
  }
}

/** Throws an EngineError when the results of the text are not those that the program names. */
function checkOutputs({ name, outputs }: Program, compiled: CompiledProgram): void {
  if (!compiled.outputs) return
  const print = (id: number, shape: readonly number[]): string => `${id}:${shape.join('x')}`
  const got = compiled.outputs.map(({ type, shape }) => print(type, shape)).join(' ')
  const expected = outputs.map(({ dtype, shape }) => print(BUFFER_TYPES[dtype], shape)).join(' ')
  if (got === expected) return
  throw new EngineError(`the text of ${name} returns other arrays than the program says: ${got}, expected ${expected}`)
}
