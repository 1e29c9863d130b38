/** The addon that native/tensorflow is compiled to: TensorFlow's C interface. */
import { requireAddon } from '../../io/nativeAddon.js'
import type { HostArray } from '../types.js'

/** What is expected of the addon; the number of native/tensorflow/addon.c. */
const ADDON_VERSION = 1

declare const library: unique symbol
declare const handle: unique symbol

/** A library that is open, with its context. */
export interface OpenLibrary {
  readonly [library]: true
}

/** An array on a device. */
export interface TensorHandle {
  readonly [handle]: true
}

/** A device, as TensorFlow names it. */
export interface TensorflowDevice {
  /** /job:localhost/replica:0/task:0/device:GPU:0 */
  readonly name: string
  /** CPU, GPU and others. */
  readonly type: string
  /** Bytes that TensorFlow takes of it at most; says nothing for a CPU. */
  readonly memory: number
}

/** Its functions. They throw, or reject with, what TensorFlow says; `code` is the name of its TF_Code. */
export interface TensorflowAddon {
  readonly version: number
  /** Loads a library and makes a context, as a serialised ConfigProto says. */
  open(file: string, config: Uint8Array): OpenLibrary
  tensorflowVersion(library: OpenLibrary): string
  devices(library: OpenLibrary): TensorflowDevice[]
  /** Whether the library has an operation. */
  hasOperation(library: OpenLibrary, name: string): boolean
  /** Adds a serialised FunctionDef. */
  addFunction(library: OpenLibrary, definition: Uint8Array): void
  /** A copy of values on a device; `type` is TensorFlow's number. */
  upload(library: OpenLibrary, values: HostArray, type: number, shape: readonly number[], device: string): TensorHandle
  /** Calls a function in a thread of its own. The arrays have to stay until then. */
  execute(
    library: OpenLibrary,
    name: string,
    device: string,
    inputs: readonly TensorHandle[],
    results: number,
  ): Promise<TensorHandle[]>
  /** Fills an array of the host with the values of one of the device, in a thread of its own. */
  read<T extends HostArray>(library: OpenLibrary, array: TensorHandle, to: T): Promise<T>
  free(library: OpenLibrary, array: TensorHandle): void
  /** Deletes the context. */
  close(library: OpenLibrary): void
}

let loaded: TensorflowAddon | null = null

/** The addon. Throws an EngineError that says why it cannot be loaded. */
export function loadTensorflowAddon(): TensorflowAddon {
  loaded ??= requireAddon<TensorflowAddon>('tensorflow-', ADDON_VERSION, "the addon for TensorFlow's library")
  return loaded
}
