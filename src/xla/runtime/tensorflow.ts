/** Programs as functions of TensorFlow, whose library compiles them with the XLA in it. */
import { EngineError } from '../../errors.js'
import { bytesOf, hostArray, printType } from '../types.js'
import type { ArrayType, HostArray } from '../types.js'
import { assertAlive, assertArguments, assertValues } from './checks.js'
import { DATA_TYPES, functionOfProgram } from './functionDef.js'
import { asEngineError } from './pjrtErrors.js'
import type { DeviceArray, DeviceInfo, DeviceMemory, Executable, Program, Runner } from './runner.js'
import { checkSharedLibrary } from './sharedLibrary.js'
import { loadTensorflowAddon } from './tensorflowAddon.js'
import type { OpenLibrary, TensorHandle, TensorflowAddon, TensorflowDevice } from './tensorflowAddon.js'
import { TensorflowArray } from './tensorflowArray.js'

/** A ConfigProto with gpu_options.allow_growth: TensorFlow would take all of a GPU's memory at once. */
const CONFIG = Uint8Array.of(0x32, 2, 0x20, 1)

/** A ConfigProto with device_count { key: 'GPU', value: 0 }. */
const CPU_ONLY = Uint8Array.of(0x0a, 7, 0x0a, 3, ...Buffer.from('GPU'), 0x10, 0)

/**
 * Opens TensorFlow's library, on its first GPU where it has one.
 * @throws EngineError when it cannot be loaded, or is too old to take programs
 */
export function openTensorflow(
  /** The library: libtensorflow_cc.so.2 or libtensorflow.so.2. */
  file: string,
  /** Not to use a GPU that is there. Defaults to false. */
  onCpu = false,
): Runner {
  const addon = loadTensorflowAddon()
  checkSharedLibrary(file, "TensorFlow's library")
  // It logs what it says in its errors, and much else.
  process.env.TF_CPP_MIN_LOG_LEVEL ??= '3'
  const library = attempt(`TensorFlow's library ${file} cannot be opened`, () =>
    addon.open(file, onCpu ? CPU_ONLY : CONFIG),
  )
  const version = addon.tensorflowVersion(library)
  if (!isNewEnough(version) || !addon.hasOperation(library, 'XlaCallModule')) {
    addon.close(library)
    throw new EngineError(
      `TensorFlow ${version} (${file}) takes no programs in StableHLO's text; expected 2.14 or newer, as in the package tensorflow of PyPI`,
    )
  }
  const devices = addon.devices(library)
  const device = devices.find(({ type }) => type === 'GPU') ?? devices[0]!
  return new TensorflowRunner(addon, library, device, {
    platform: device.type === 'GPU' ? 'cuda' : 'cpu',
    device: device.name.replace(/^.*device:/, ''),
    compiler: `TensorFlow ${version}`,
    file,
  })
}

/** A program as a function. */
interface ProgramFunction extends Executable {
  readonly function: string
  /** Numbers of the arguments that are gone once it ran. */
  readonly donated: readonly number[]
}

class TensorflowRunner implements Runner {
  private readonly arrays = new Set<TensorflowArray>()
  private functions = 0
  /** Settles when the program that was started last has run: they run one after the other. */
  private last: Promise<void> = Promise.resolve()
  /** Settles when all that is read has been. */
  private reads: Promise<void> = Promise.resolve()
  private isDisposed = false

  constructor(
    private readonly addon: TensorflowAddon,
    private readonly library: OpenLibrary,
    private readonly device: TensorflowDevice,
    readonly info: DeviceInfo,
  ) {}

  /** TensorFlow compiles a function when it is first called, and that is where errors of its text appear. */
  compile(program: Program): Promise<Executable> {
    return new Promise((resolve) => {
      const name = `${program.name.replace(/\W/g, '_')}_${this.functions++}`
      const platform = this.info.platform === 'cpu' ? 'CPU' : 'CUDA'
      const library = this.use()
      const definition = functionOfProgram(name, program, platform)
      attempt(`the program ${program.name} cannot be compiled`, () => {
        this.addon.addFunction(library, definition)
      })
      const compiled: ProgramFunction = { program, memory: null, function: name, donated: donated(program.text) }
      resolve(compiled)
    })
  }

  upload(values: HostArray, type: ArrayType): DeviceArray {
    assertValues(values, type)
    const library = this.use()
    const handle = attempt(`${printType(type)} cannot be copied to the device`, () =>
      this.addon.upload(library, values, DATA_TYPES[type.dtype], type.shape, this.device.name),
    )
    return this.track(type, Promise.resolve(handle))
  }

  execute(executable: Executable, inputs: readonly DeviceArray[]): DeviceArray[] {
    assertArguments(executable.program, inputs)
    this.use()
    const results = this.start(
      executable as ProgramFunction,
      inputs.map((array) => this.own(array)),
    )
    return executable.program.outputs.map((type, i) =>
      this.track(
        type,
        results.then((handles) => handles[i]!),
      ),
    )
  }

  read(array: DeviceArray): Promise<HostArray> {
    const reading = this.readValues(array)
    const before = this.reads
    // Of what was read nothing is kept.
    this.reads = reading.then(
      () => before,
      () => before,
    )
    return reading
  }

  free(...arrays: readonly DeviceArray[]): void {
    for (const array of arrays) {
      const held = this.own(array)
      this.arrays.delete(held)
      held.free()
    }
  }

  /** Of the arrays that are alive; TensorFlow does not say what it takes besides. */
  memory(): DeviceMemory {
    let used = 0
    for (const array of this.arrays) used += bytesOf(array)
    return { used, peak: null, limit: this.device.type === 'GPU' ? this.device.memory : null }
  }

  dispose(): void {
    if (this.isDisposed) return
    this.free(...this.arrays)
    this.isDisposed = true
    void Promise.allSettled([this.last, this.reads]).then(() => {
      this.addon.close(this.library)
    })
  }

  private async readValues(array: DeviceArray): Promise<HostArray> {
    this.use()
    assertAlive(array, printType(array))
    const held = this.own(array)
    const handle = held.hold()
    try {
      return await this.addon.read(this.library, await handle, hostArray(array))
    } catch (cause) {
      throw asEngineError(`${printType(array)} cannot be read from the device`, cause)
    } finally {
      held.drop()
    }
  }

  private async start(
    { program, function: name, donated }: ProgramFunction,
    inputs: readonly TensorflowArray[],
  ): Promise<TensorHandle[]> {
    const handles = inputs.map((array) => array.hold())
    this.free(...donated.map((i) => inputs[i]!))
    const before = this.last
    const results = (async () => {
      await before
      return this.addon.execute(
        this.library,
        name,
        this.device.name,
        await Promise.all(handles),
        program.outputs.length,
      )
    })()
    this.last = results.then(nothing, nothing)
    try {
      return await results
    } catch (cause) {
      throw explain(program, cause)
    } finally {
      for (const array of inputs) array.drop()
    }
  }

  /** The library, as long as the runner is not disposed. */
  private use(): OpenLibrary {
    if (!this.isDisposed) return this.library
    throw new EngineError(`the runner of ${this.info.file} was disposed; open the library again`)
  }

  private own(array: DeviceArray): TensorflowArray {
    if (array instanceof TensorflowArray && (this.arrays.has(array) || !array.isAlive)) return array
    throw new EngineError(`expected an array of the runner of ${this.info.file}, got another ${printType(array)}`)
  }

  private track(type: ArrayType, handle: Promise<TensorHandle>): TensorflowArray {
    const array = new TensorflowArray(type, handle, (held) => {
      this.addon.free(this.library, held)
    })
    this.arrays.add(array)
    return array
  }
}

/** What a promise settles with that keeps no results. */
const nothing = (): void => undefined

/** XlaCallModule takes text since 2.14; there is none in 2.11 and older. */
function isNewEnough(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  return major > 2 || (major === 2 && minor >= 14)
}

/** Numbers of the arguments of @main that its results take the place of. */
function donated(text: string): number[] {
  const start = text.indexOf('@main(')
  const signature = text.slice(start, text.indexOf('->', start))
  return signature
    .split(/(?=%\w+:)/)
    .slice(1)
    .flatMap((argument, i) => (/tf\.aliasing_output|jax\.buffer_donor/.test(argument) ? [i] : []))
}

function attempt<T>(what: string, work: () => T): T {
  try {
    return work()
  } catch (cause) {
    throw asEngineError(what, cause)
  }
}

/** Why a program was not compiled or did not run, without the place in TensorFlow's own graph, which has one node. */
function explain({ name }: Program, cause: unknown): EngineError {
  if (cause instanceof Error) cause.message = cause.message.replace(/\s*\[\[\{\{node[^]*/, '')
  return asEngineError(`the program ${name} cannot be compiled or run`, cause)
}
