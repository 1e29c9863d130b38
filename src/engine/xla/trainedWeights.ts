import type { ModelParameters } from '../../model/modelParameters.js'
import { decoderTypes, listDecoder, mapDecoder } from '../../xla/programs/decoderArrays.js'
import type { ArrayName, DecoderArrays, FloatType } from '../../xla/programs/decoderArrays.js'
import type { DeviceArray } from '../../xla/runtime/runner.js'
import type { HostArray } from '../../xla/types.js'
import type { ArrayScope, Device } from './device.js'
import { tensorPlaces, uploadParameters } from './deviceWeights.js'
import type { Trained } from './trained.js'
import { VersionedArrays } from './versionedArrays.js'

/** All weights of a model, trained. */
export class TrainedWeights implements Trained {
  readonly ranks = null
  /** In the order of the backward program's results. */
  readonly #names: readonly ArrayName[]
  /** Where each tensor starts in the vector of all. */
  readonly #starts: ReadonlyMap<string, number>
  readonly #arrays: VersionedArrays<DecoderArrays<DeviceArray>>

  constructor(
    private readonly device: Device,
    readonly parameters: ModelParameters,
    private readonly weightType: FloatType,
  ) {
    this.#names = listDecoder(mapDecoder(decoderTypes(parameters.config, weightType), (_, name) => name))
    this.#arrays = new VersionedArrays(device, listDecoder)
    let at = 0
    this.#starts = new Map(
      parameters.parameters().map(({ name, values }) => {
        const start = at
        at += values.length
        return [name, start]
      }),
    )
  }

  adapter(): null {
    return null
  }

  decoder(scope: ArrayScope): DecoderArrays<DeviceArray> {
    const { device, parameters, weightType } = this
    return this.#arrays.take(parameters.version, () => uploadParameters(device, parameters, weightType), scope)
  }

  addGradients(results: readonly HostArray[], scale: number, sum: Float32Array): void {
    for (const [i, array] of this.#names.entries()) {
      const from = results[i]!
      for (const { name, start, end } of tensorPlaces(this.parameters.config, array)) {
        const to = this.#starts.get(name)! - start
        for (let j = start; j < end; j++) sum[to + j]! += scale * from[j]!
      }
    }
  }

  dispose(): void {
    this.#arrays.dispose()
  }
}
