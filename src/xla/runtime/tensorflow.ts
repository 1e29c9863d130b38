/** Programs as functions of TensorFlow, whose library compiles them with the XLA in it. */
import { EngineError } from '../../errors.js'
import { bytesOf, hostArray, printType } from '../types.js'
import type { ArrayType, HostArray } from '../types.js'
import { assertAlive, assertArguments, assertValues } from './checks.js'
import { DATA_TYPES, functionOfProgram } from './functionDef.js'
import type { DeviceArray, DeviceInfo, DeviceMemory, Executable, Program, Runner } from './runner.js'
import type { OpenLibrary, TensorHandle, TensorflowAddon, TensorflowFailure } from './tensorflowAddon.js'
import { TensorflowArray } from './tensorflowArray.js'

/** A ConfigProto with gpu_options.allow_growth: TensorFlow would take all of a GPU's memory at once. */
const CONFIG = Uint8Array.of(0x32, 2, 0x20, 1)

/** TF_Code of memory that ran out. */
const RESOURCE_EXHAUSTED = '8'

/**
 * Opens TensorFlow's library, on its first GPU where it has one.
 * @throws EngineError when it cannot be loaded, or is too old to take programs
 */
export function openTensorflow(
  addon: TensorflowAddon,
  /** The library: libtensorflow_cc.so.2 or libtensorflow.so.2. */
  file: string,
): Runner {
  // It logs what it says in its errors, and much else.
  process.env.TF_CPP_MIN_LOG_LEVEL ??= '3'
  const library = attempt(`TensorFlow's library ${file}`, () => addon.open(file, CONFIG))
  const version = addon.version(library)
  if (!addon.hasOperation(library, 'XlaCallModule')) {
    addon.close(library)
    throw new EngineError(
      `TensorFlow ${version} (${file}) cannot run compiled programs, for it has no operation XlaCallModule; ` +
        'expected TensorFlow 2.15 or newer, as in the package tensorflow of PyPI',
    )
  }
  const devices = addon.devices(library)
  const device = devices.find(({ type }) => type === 'GPU') ?? devices[0]!
  return new TensorflowRunner(addon, library, device.name, {
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
  private last: Promise<unknown> = Promise.resolve()

  constructor(
    private readonly addon: TensorflowAddon,
    private readonly library: OpenLibrary,
    private readonly device: string,
    readonly info: DeviceInfo,
  ) {}

  /** TensorFlow compiles a function when it is first called, and that is where errors of its text appear. */
  compile(program: Program): Promise<Executable> {
    return new Promise((resolve) => {
      const name = `${program.name.replace(/\W/g, '_')}_${this.functions++}`
      const platform = this.info.platform === 'cpu' ? 'CPU' : 'CUDA'
      const definition = functionOfProgram(name, program, platform)
      attempt(`the program ${program.name}`, () => {
        this.addon.addFunction(this.library, definition)
      })
      const compiled: ProgramFunction = { program, memory: null, function: name, donated: donated(program.text) }
      resolve(compiled)
    })
  }

  upload(values: HostArray, type: ArrayType): DeviceArray {
    assertValues(values, type)
    const handle = attempt(`copying a ${printType(type)} to the device`, () =>
      this.addon.upload(this.library, values, DATA_TYPES[type.dtype], type.shape, this.device),
    )
    return this.track(type, Promise.resolve(handle))
  }

  execute(executable: Executable, inputs: readonly DeviceArray[]): DeviceArray[] {
    assertArguments(executable.program, inputs)
    const results = this.start(executable as ProgramFunction, inputs.map(own))
    return executable.program.outputs.map((type, i) =>
      this.track(
        type,
        results.then((handles) => handles[i]!),
      ),
    )
  }

  async read(array: DeviceArray): Promise<HostArray> {
    const what = `a ${printType(array)}`
    assertAlive(array, what)
    const held = own(array)
    const handle = held.hold()
    try {
      return await this.addon.read(this.library, await handle, hostArray(array))
    } catch (cause) {
      throw explain(`reading ${what}`, cause)
    } finally {
      held.drop()
    }
  }

  free(...arrays: readonly DeviceArray[]): void {
    for (const array of arrays.map(own)) {
      this.arrays.delete(array)
      array.free()
    }
  }

  /** Of the arrays that are alive; TensorFlow does not say what it takes besides. */
  memory(): DeviceMemory {
    let used = 0
    for (const array of this.arrays) used += bytesOf(array)
    return { used, peak: null, limit: null }
  }

  dispose(): void {
    this.free(...this.arrays)
    void this.last.then(() => {
      this.addon.close(this.library)
    })
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
      return this.addon.execute(this.library, name, this.device, await Promise.all(handles), program.outputs.length)
    })()
    this.last = results.catch(() => undefined)
    try {
      return await results
    } catch (cause) {
      throw explain(`the program ${program.name}`, cause)
    } finally {
      for (const array of inputs) array.drop()
    }
  }

  private track(type: ArrayType, handle: Promise<TensorHandle>): TensorflowArray {
    const array = new TensorflowArray(type, handle, (held) => {
      this.addon.free(this.library, held)
    })
    this.arrays.add(array)
    return array
  }
}

/** An array of this runner's kind. */
function own(array: DeviceArray): TensorflowArray {
  if (array instanceof TensorflowArray) return array
  throw new EngineError(`a ${printType(array)} is on another runner than TensorFlow's`)
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
    throw explain(what, cause)
  }
}

/** What failed, with what TensorFlow said of it. */
function explain(what: string, cause: unknown): EngineError {
  // A program fails with what made one of its arguments fail.
  if (cause instanceof EngineError) return cause
  const { code, message } = cause as TensorflowFailure
  // Where in its own graph it was says nothing: there is one node.
  const said = message.replace(/\s*\[\[\{\{node[^]*/, '')
  const advice =
    code === RESOURCE_EXHAUSTED
      ? '; the device has too little memory: take smaller batches, or shorter completions'
      : ''
  return new EngineError(`${what} failed: ${said}${advice}`, { cause })
}
