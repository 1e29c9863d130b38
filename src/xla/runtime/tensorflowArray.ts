import type { ArrayType } from '../types.js'
import type { DeviceArray } from './runner.js'
import type { TensorHandle } from './tensorflowAddon.js'

/** An array of TensorFlow's, perhaps one that is yet to be computed. Its memory is freed when nothing that was started uses it any more. */
export class TensorflowArray implements DeviceArray {
  readonly dtype
  readonly shape
  private uses = 0
  private isFreed = false

  constructor(
    { dtype, shape }: ArrayType,
    private readonly handle: Promise<TensorHandle>,
    /** Frees its memory. */
    private readonly release: (handle: TensorHandle) => void,
  ) {
    this.dtype = dtype
    this.shape = shape
    // Who reads it is told of a failure; it ends nothing when nobody does.
    handle.catch(() => undefined)
  }

  get isAlive(): boolean {
    return !this.isFreed
  }

  /** Keeps its memory until `drop`. */
  hold(): Promise<TensorHandle> {
    this.uses++
    return this.handle
  }

  /** Ends what `hold` began. */
  drop(): void {
    this.uses--
    this.endWhenUnused()
  }

  free(): void {
    if (this.isFreed) return
    this.isFreed = true
    this.endWhenUnused()
  }

  private endWhenUnused(): void {
    // There is nothing to free of one that could not be computed.
    if (this.isFreed && this.uses === 0) this.handle.then(this.release, () => undefined)
  }
}
