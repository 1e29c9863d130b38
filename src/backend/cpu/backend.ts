import * as tf from '../../bundled/tfjs.js'
import { EngineError } from '../../errors.js'
import type { Runtime } from './runtime.js'

/** tfjs's name of the cpu backend. */
export const CPU_BACKEND = 'wasm-threads'

type DataId = tf.TensorInfo['dataId']
type Values = Float32Array | Int32Array | Uint8Array

/** Where values lie that kernels find. */
interface Block {
  readonly address: number
  readonly values: Float32Array | Int32Array
  readonly isNative: boolean
}

/**
 * A tfjs backend on shared WebAssembly memory.
 *
 * It inherits from tfjs's plain JavaScript backend, so that every tfjs op works on it; tensors that our own kernels read or
 * write lie in the shared memory, the others in ordinary arrays, and move there when a kernel needs them. Both kinds are typed
 * arrays to tfjs's kernels. (A shared memory that grows leaves older views of it valid.)
 */
export class CpuBackend extends tf.MathBackendCPU {
  readonly #addresses = new Map<DataId, number>()
  /** Those of them whose values lie in native memory. */
  readonly #native = new Set<DataId>()
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
      if (this.#native.delete(dataId)) this.runtime.nativeMemory!.release(address)
      else this.runtime.allocator.release(address)
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
    const block = this.#allocate(tf.util.sizeFromShape([...shape]), dtype, false)
    return { info: { dataId: this.#writeBlock(block, dtype), shape: [...shape], dtype }, address: block.address }
  }

  /**
   * A new tensor for a frozen weight, with undefined content: in native memory when it is large and there is any, else in shared memory.
   * Its values are to be written now; later only kernels that read weights take it.
   */
  allocateFrozen(size: number, dtype: 'float32' | 'int32'): { info: tf.TensorInfo; values: Float32Array | Int32Array } {
    const block = this.#allocate(size, dtype, true)
    return { info: { dataId: this.#writeBlock(block, dtype), shape: [size], dtype }, values: block.values }
  }

  /** Address of a tensor's values, which are moved into shared memory first when they are elsewhere. */
  address(tensor: tf.TensorInfo): number {
    return this.#addresses.get(tensor.dataId) ?? this.#move(tensor, false)
  }

  /** The same for a frozen weight, whose address is above 2³² when it lies in native memory. */
  frozenAddress(tensor: tf.TensorInfo): number {
    return this.#addresses.get(tensor.dataId) ?? this.#move(tensor, true)
  }

  #move({ dataId, dtype }: tf.TensorInfo, isFrozen: boolean): number {
    const values = this.data.get(dataId).values as Values | undefined
    const isFloat = dtype === 'float32' && values instanceof Float32Array
    if (!isFloat && !(dtype === 'int32' && values instanceof Int32Array)) {
      throw new EngineError(`a kernel got a tensor of dtype ${dtype}; expected float32 or int32`)
    }
    const block = this.#allocate(values.length, dtype, isFrozen)
    block.values.set(values)
    this.#assign(dataId, block)
    return block.address
  }

  /** A new tensor of the values of a block. */
  #writeBlock(block: Block, dtype: 'float32' | 'int32'): DataId {
    const dataId = super.write(EMPTY[dtype], [0], dtype)
    this.#assign(dataId, block)
    return dataId
  }

  #assign(dataId: DataId, { address, values, isNative }: Block): void {
    this.data.get(dataId).values = values
    this.#addresses.set(dataId, address)
    if (isNative) this.#native.add(dataId)
  }

  #allocate(size: number, dtype: 'float32' | 'int32', isFrozen: boolean): Block {
    const { runtime } = this
    const native = isFrozen && runtime.keepsOutside(size * 4) ? runtime.nativeMemory!.allocate(size * 4) : null
    const address = native?.address ?? runtime.allocator.allocate(size * 4)
    const [buffer, offset] = native ? [native.buffer, 0] : [runtime.allocator.memory.buffer, address]
    const values = dtype === 'float32' ? new Float32Array(buffer, offset, size) : new Int32Array(buffer, offset, size)
    return { address, values, isNative: native !== null }
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
