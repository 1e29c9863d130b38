import * as tf from '../../bundled/tfjs.js'
import { EngineError } from '../../errors.js'
import type { Runtime } from './runtime.js'

/** tfjs's name of the cpu backend. */
export const CPU_BACKEND = 'wasm-threads'

type DataId = tf.TensorInfo['dataId']
type Values = Float32Array | Int32Array | Uint8Array

/**
 * A tfjs backend on shared WebAssembly memory.
 *
 * It inherits from tfjs's plain JavaScript backend, so that every tfjs op works on it; tensors that our own kernels read or
 * write lie in the shared memory, the others in ordinary arrays, and move there when a kernel needs them. Both kinds are typed
 * arrays to tfjs's kernels. (A shared memory that grows leaves older views of it valid.)
 */
export class CpuBackend extends tf.MathBackendCPU {
  readonly #addresses = new Map<DataId, number>()
  /** Second forms of tensors: see {@link CpuBackend.derived}. */
  readonly #derived = new Map<DataId, number>()

  constructor(
    readonly runtime: Runtime,
    /** The vectors that its kernels use, and why they are no wider; null where nothing is known of that. */
    readonly simd: { readonly width: string; readonly reason: string | null } | null = null,
  ) {
    super()
  }

  /**
   * Takes values over from JavaScript. Views of the shared memory are copied: tfjs's `slice`, for one, returns a view of its
   * input, which would change its content once that block is given back and used again.
   */
  override write(values: tf.backend_util.BackendValues, shape: number[], dtype: tf.DataType): DataId {
    const shared = ArrayBuffer.isView(values) && values.buffer instanceof SharedArrayBuffer
    return super.write(shared ? (values as Float32Array).slice() : values, shape, dtype)
  }

  /** Returns a copy of a tensor's values: a view would change its content once the tensor is disposed. */
  override readSync(dataId: object): tf.backend_util.BackendValues {
    const values = super.readSync(dataId)
    return this.#addresses.has(dataId) ? (values as Float32Array).slice() : values
  }

  override read(dataId: object): Promise<tf.backend_util.BackendValues> {
    return Promise.resolve(this.readSync(dataId))
  }

  override disposeData(dataId: object, force = false): boolean {
    const gone = super.disposeData(dataId, force)
    const address = this.#addresses.get(dataId)
    if (gone && address !== undefined) {
      this.#addresses.delete(dataId)
      this.runtime.allocator.release(address)
    }
    const derived = this.#derived.get(dataId)
    if (gone && derived !== undefined) {
      this.#derived.delete(dataId)
      this.runtime.allocator.release(derived)
    }
    return gone
  }

  override memory(): { unreliable: boolean; reasons: string[]; numBytesInWasm: number; peakBytesInWasm: number } {
    const { usedBytes, peakBytes } = this.runtime.allocator
    return { unreliable: false, reasons: [], numBytesInWasm: usedBytes, peakBytesInWasm: peakBytes }
  }

  /** A new tensor in shared memory with undefined content, and its address. */
  allocate(shape: readonly number[], dtype: 'float32' | 'int32' = 'float32'): { info: tf.TensorInfo; address: number } {
    const size = tf.util.sizeFromShape([...shape])
    const address = this.runtime.allocator.allocate(size * 4)
    const { buffer } = this.runtime.allocator.memory
    const values = dtype === 'float32' ? new Float32Array(buffer, address, size) : new Int32Array(buffer, address, size)
    const dataId = super.write(EMPTY[dtype], [0], dtype)
    this.data.get(dataId).values = values
    this.#addresses.set(dataId, address)
    return { info: { dataId, shape: [...shape], dtype }, address }
  }

  /** Address of a tensor's values, which are moved into shared memory first when they are elsewhere. */
  address(tensor: tf.TensorInfo): number {
    const known = this.#addresses.get(tensor.dataId)
    if (known !== undefined) return known
    const data = this.data.get(tensor.dataId)
    const values = data.values as Values | undefined
    const Type = tensor.dtype === 'float32' ? Float32Array : Int32Array
    if (!(values instanceof Type)) {
      throw new EngineError(`a kernel got a tensor of dtype ${tensor.dtype}; expected float32 or int32`)
    }
    const address = this.runtime.allocator.allocate(values.byteLength)
    const moved = new Type(this.runtime.allocator.memory.buffer, address, values.length)
    moved.set(values)
    data.values = moved
    this.#addresses.set(tensor.dataId, address)
    return address
  }

  /**
   * Address of another form of a tensor's values, such as panels of a matrix that many products read: made by `fill` when it is
   * first asked for, and freed with the tensor. A kernel asks for one form of a tensor only.
   */
  derived(tensor: tf.TensorInfo, size: number, fill: (form: Float32Array, values: Float32Array) => void): number {
    const known = this.#derived.get(tensor.dataId)
    if (known !== undefined) return known
    const address = this.runtime.allocator.allocate(size * 4)
    fill(new Float32Array(this.runtime.allocator.memory.buffer, address, size), this.floats(tensor))
    this.#derived.set(tensor.dataId, address)
    return address
  }

  /** The values of a float32 tensor, wherever they lie; not a copy. */
  floats(tensor: tf.TensorInfo): Float32Array {
    return this.data.get(tensor.dataId).values as Float32Array
  }

  override dispose(): void {
    super.dispose()
    void this.runtime.stop()
  }
}

/** What computes on the current backend. Throws an EngineError when that is another than this one. */
export function currentRuntime(): Runtime {
  const backend = tf.backend()
  if (backend instanceof CpuBackend) return backend.runtime
  throw new EngineError(`the backend ${tf.getBackend()} is selected; expected the cpu backend`)
}

const EMPTY = { float32: new Float32Array(0), int32: new Int32Array(0) }
