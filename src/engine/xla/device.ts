import type { DeviceArray, DeviceMemory, Executable, Program, Runner } from '../../xla/runtime/runner.js'
import { bytesOf } from '../../xla/types.js'
import type { ArrayType, HostArray } from '../../xla/types.js'
import { availableMemory } from '../availableMemory.js'
import type { MemoryUse } from '../engine.js'
import { fewestTokens } from './buckets.js'

/** A runner with the programs that it has compiled, and an account of its arrays. */
export class Device {
  readonly #programs = new Map<string, Promise<Executable>>()
  #used = 0
  #peak = 0

  constructor(readonly runner: Runner) {}

  /** Places for the fewest tokens that programs are made for. */
  get fewestTokens(): number {
    return fewestTokens(this.runner.info.platform)
  }

  /** A program, compiled when it is asked for the first time; programs with the same key are the same. */
  program(key: string, make: () => Program): Promise<Executable> {
    const known = this.#programs.get(key)
    if (known) return known
    const compiled = this.runner.compile(make())
    this.#programs.set(key, compiled)
    // What could not be compiled is tried again, with what memory there is then.
    compiled.catch(() => this.#programs.delete(key))
    return compiled
  }

  /** How many programs were compiled. */
  get programs(): number {
    return this.#programs.size
  }

  /** Copies values to the device. */
  upload(values: HostArray, type: ArrayType): DeviceArray {
    const array = this.runner.upload(values, type)
    this.#count(bytesOf(array))
    return array
  }

  /** Copies several arrays to the device: all of them, or none where one does not fit or cannot be made. */
  uploadAll<Arrays>(make: (upload: (values: HostArray, type: ArrayType) => DeviceArray) => Arrays): Arrays {
    const made: DeviceArray[] = []
    try {
      return make((values, type) => {
        const array = this.upload(values, type)
        made.push(array)
        return array
      })
    } catch (error) {
      this.free(...made)
      throw error
    }
  }

  /** Starts a program. Arguments that it takes over are gone afterwards, also where it fails. */
  execute(executable: Executable, inputs: readonly DeviceArray[]): DeviceArray[] {
    const alive = inputs.filter(({ isAlive }) => isAlive)
    try {
      const outputs = this.runner.execute(executable, inputs)
      this.#count(outputs.reduce((sum, output) => sum + bytesOf(output), 0))
      return outputs
    } finally {
      for (const input of new Set(alive)) if (!input.isAlive) this.#used -= bytesOf(input)
    }
  }

  /** The values of an array. */
  read(array: DeviceArray): Promise<HostArray> {
    return this.runner.read(array)
  }

  /** Frees arrays; those that are gone already are passed over. */
  free(...arrays: readonly DeviceArray[]): void {
    for (const array of new Set(arrays)) {
      if (!array.isAlive) continue
      this.#used -= bytesOf(array)
      this.runner.free(array)
    }
  }

  /** What its arrays take; what the device says of itself where it does. */
  memory(): MemoryUse {
    const said: DeviceMemory | null = this.runner.memory()
    return {
      used: said?.used ?? this.#used,
      peak: said?.peak ?? this.#peak,
      available: said?.limit ?? availableMemory(),
    }
  }

  #count(bytes: number): void {
    this.#used += bytes
    this.#peak = Math.max(this.#peak, this.#used)
  }
}

/** Arrays that are freed together. */
export class ArrayScope {
  readonly #arrays: DeviceArray[] = []
  readonly #endings: (() => void)[] = []

  constructor(private readonly device: Device) {}

  /** Copies values to the device until the scope ends. */
  upload(values: HostArray, type: ArrayType): DeviceArray {
    return this.own(this.device.upload(values, type))
  }

  /** Frees an array with the others. */
  own(array: DeviceArray): DeviceArray {
    this.#arrays.push(array)
    return array
  }

  /** Does something more when the arrays are freed. */
  atEnd(ending: () => void): void {
    this.#endings.push(ending)
  }

  /** Frees all of them. */
  free(): void {
    this.device.free(...this.#arrays.splice(0))
    for (const ending of this.#endings.splice(0)) ending()
  }
}

/** Does something with arrays that are freed at the end, whatever happens. */
export async function withScope<Result>(device: Device, use: (scope: ArrayScope) => Promise<Result>): Promise<Result> {
  const scope = new ArrayScope(device)
  try {
    return await use(scope)
  } finally {
    scope.free()
  }
}
