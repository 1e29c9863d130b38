/**
 * What compiles programs and runs them on a device: a plugin of XLA (pjrt.ts), or TensorFlow's library (tensorflow.ts). Arrays stay
 * on the device, and are freed by who made them.
 */
import type { ArrayType, HostArray } from '../types.js'

/** A program in StableHLO. */
export interface Program {
  /** For messages and the cache, e.g. `decode`. */
  readonly name: string
  /** The module, with a function @main. */
  readonly text: string
  /** Of the arguments of @main. */
  readonly inputs: readonly ArrayType[]
  /** Of its results. */
  readonly outputs: readonly ArrayType[]
}

/** Bytes that a compiled program takes, by the compiler's own account. */
export interface ProgramMemory {
  readonly arguments: number
  readonly outputs: number
  /** Of the outputs, those that take the place of donated arguments. */
  readonly aliased: number
  readonly temporary: number
  readonly code: number
}

/** A program that was compiled for a device. */
export interface Executable {
  readonly program: Program
  /** Null where the runner does not know. */
  readonly memory: ProgramMemory | null
}

/**
 * Told of a program that begins to be compiled, by its name; not of one that the cache on disk holds. `compiled` settles when that is
 * done.
 */
export type CompileListener = (program: string, compiled: Promise<unknown>) => void

/** An array on the device. */
export interface DeviceArray extends ArrayType {
  /** False once it was freed or given away to a program. */
  readonly isAlive: boolean
}

/** What a runner computes on. */
export interface DeviceInfo {
  /** `cpu`, `cuda`, `rocm`, `tpu`. */
  readonly platform: string
  /** As the plugin says it, e.g. `NVIDIA H200`. */
  readonly device: string
  /** Of a card of NVIDIA, such as 9 of an H200: from 8 on it multiplies bfloat16. */
  readonly computeCapability?: number
  /** What compiles, with its version: executables are the same for the same text only. */
  readonly compiler: string
  /** Where the plugin or library lies. */
  readonly file: string
}

/** Bytes of a device's memory; null where the runner does not know. */
export interface DeviceMemory {
  readonly used: number
  readonly peak: number | null
  readonly limit: number | null
}

/** Compiles programs and runs them on one device. */
export interface Runner {
  readonly info: DeviceInfo
  /** Compiles a program, or takes it from the cache on disk. Throws an EngineError with the compiler's message. */
  compile(program: Program): Promise<Executable>
  /** Copies values to the device; the host's array may be changed at once. Throws a ShapeError for another number of values. */
  upload(
    values: HostArray, // [...shape]
    type: ArrayType,
  ): DeviceArray
  /**
   * Starts a program and returns its results, which the device may not have computed yet. Arguments that the program takes over
   * (`tf.aliasing_output`) are gone afterwards.
   * @throws ShapeError for arguments of other types than the program's, OutOfDeviceMemoryError
   */
  execute(executable: Executable, inputs: readonly DeviceArray[]): DeviceArray[]
  /** The values of an array, once they are computed. Throws an EngineError when computing them failed. */
  read(array: DeviceArray): Promise<HostArray>
  /** Frees arrays; those that are gone already are passed over. */
  free(...arrays: readonly DeviceArray[]): void
  /** Null where the device does not say. */
  memory(): DeviceMemory | null
  /** Ends it. Arrays and executables cannot be used any more. */
  dispose(): void
}
