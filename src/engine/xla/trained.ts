import type { Parameters } from '../../model/parameters.js'
import type { AdapterArrays, DecoderArrays } from '../../xla/programs/decoderArrays.js'
import type { DeviceArray } from '../../xla/runtime/runner.js'
import type { HostArray } from '../../xla/types.js'
import type { ArrayScope } from './device.js'

/** Ranks of the modules of an adapter, where they differ between layers the largest. */
export type Ranks = Readonly<Partial<Record<string, number>>>

/** What is trained, on the device: an adapter, or all weights. */
export interface Trained {
  readonly parameters: Parameters
  /** Null where there is no adapter. */
  readonly ranks: Ranks | null
  /** The adapter's arrays with the values as they are now, until the scope ends; null where there is none. */
  adapter(scope: ArrayScope): AdapterArrays<DeviceArray> | null
  /** All weights as they are now, until the scope ends; null where they are frozen. */
  decoder(scope: ArrayScope): DecoderArrays<DeviceArray> | null
  /** Adds what the backward program gives, in the order of its results, to a vector in the order of the parameters. */
  addGradients(
    results: readonly HostArray[],
    scale: number, // of the sum
    sum: Float32Array, // [values]
  ): void
  /** Frees the arrays, as soon as nobody computes with them. */
  dispose(): void
}
