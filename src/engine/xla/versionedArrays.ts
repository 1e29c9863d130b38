import type { DeviceArray } from '../../xla/runtime/runner.js'
import { disposedModel } from '../modelErrors.js'
import type { ArrayScope, Device } from './device.js'

interface Version<Arrays> {
  readonly version: number
  readonly arrays: Arrays
  /** Scopes that compute with them. */
  users: number
}

/** Arrays with the values of something that changes now and then. Those of a version stay until nobody computes with them any more. */
export class VersionedArrays<Arrays> {
  #newest: Version<Arrays> | null = null
  #isDisposed = false

  constructor(
    private readonly device: Device,
    private readonly list: (arrays: Arrays) => readonly DeviceArray[],
  ) {}

  /**
   * The arrays of a version, on the device until the scope ends; made when the newest are of another one.
   * @throws EngineError after they were disposed
   */
  take(version: number, make: () => Arrays, scope: ArrayScope): Arrays {
    if (this.#isDisposed) throw disposedModel()
    if (this.#newest?.version !== version) {
      this.free()
      this.#newest = { version, arrays: make(), users: 0 }
    }
    const taken = this.#newest
    taken.users++
    scope.atEnd(() => {
      taken.users--
      this.#freeUnused(taken)
    })
    return taken.arrays
  }

  /** Frees the newest: whoever takes them next makes them anew. */
  free(): void {
    const newest = this.#newest
    this.#newest = null
    if (newest) this.#freeUnused(newest)
  }

  /** Frees them; there will be no others. */
  dispose(): void {
    this.#isDisposed = true
    this.free()
  }

  #freeUnused(version: Version<Arrays>): void {
    if (version.users === 0 && version !== this.#newest) this.device.free(...this.list(version.arrays))
  }
}
