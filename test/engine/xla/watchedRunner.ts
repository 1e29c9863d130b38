import { EngineError } from '../../../src/errors.js'
import type { DeviceArray, DeviceMemory, Executable, Program, Runner } from '../../../src/xla/runtime/runner.js'
import type { ArrayType, HostArray } from '../../../src/xla/types.js'

/** A runner that keeps account of its arrays, and can be told to fail. */
export class WatchedRunner implements Runner {
  #arrays: DeviceArray[] = []
  #calls = 0
  #failing = Infinity
  /** How many programs were compiled. */
  programs = 0

  constructor(private readonly runner: Runner) {}

  get info(): Runner['info'] {
    return this.runner.info
  }

  /** Arrays that are on the device. */
  get alive(): number {
    this.#arrays = this.#arrays.filter(({ isAlive }) => isAlive)
    return this.#arrays.length
  }

  /** Lets the call of this number fail, counted from now on and from 1; none at Infinity. */
  failAt(call: number): void {
    this.#calls = 0
    this.#failing = call
  }

  compile(program: Program): Promise<Executable> {
    return this.#do(() => {
      this.programs++
      return this.runner.compile(program)
    })
  }

  upload(values: HostArray, type: ArrayType): DeviceArray {
    return this.#made([this.#do(() => this.runner.upload(values, type))])[0]!
  }

  execute(executable: Executable, inputs: readonly DeviceArray[]): DeviceArray[] {
    return this.#made(this.#do(() => this.runner.execute(executable, inputs)))
  }

  async read(array: DeviceArray): Promise<HostArray> {
    return this.#do(() => this.runner.read(array))
  }

  free(...arrays: readonly DeviceArray[]): void {
    this.runner.free(...arrays)
  }

  memory(): DeviceMemory | null {
    return this.runner.memory()
  }

  dispose(): void {
    this.runner.dispose()
  }

  #do<T>(call: () => T): T {
    if (++this.#calls === this.#failing) throw new EngineError(`call ${this.#calls} fails`)
    return call()
  }

  #made(arrays: DeviceArray[]): DeviceArray[] {
    this.#arrays.push(...arrays)
    return arrays
  }
}
