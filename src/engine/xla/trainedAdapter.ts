import type { LoraAdapter, LoraEntry } from '../../model/lora.js'
import { adapterTypes, listAdapter, mapAdapter } from '../../xla/programs/decoderArrays.js'
import type { AdapterArrays, LoraArrays } from '../../xla/programs/decoderArrays.js'
import type { DeviceArray } from '../../xla/runtime/runner.js'
import { hostArray, sizeOf } from '../../xla/types.js'
import type { ArrayType, HostArray } from '../../xla/types.js'
import type { ArrayScope, Device } from './device.js'
import type { Ranks, Trained } from './trained.js'
import { VersionedArrays } from './versionedArrays.js'

/** An adapter on the device, its layers stacked; modules and layers that it leaves alone are zeros. */
export class TrainedAdapter implements Trained {
  readonly ranks: Ranks
  readonly #types: AdapterArrays<ArrayType>
  readonly #arrays: VersionedArrays<AdapterArrays<DeviceArray>>

  constructor(
    private readonly device: Device,
    readonly parameters: LoraAdapter,
  ) {
    const ranks: Partial<Record<string, number>> = {}
    for (const { module, r } of parameters.entries) ranks[module] = Math.max(ranks[module] ?? 0, r)
    this.ranks = ranks
    this.#types = adapterTypes(parameters.config, ranks)
    this.#arrays = new VersionedArrays(device, listAdapter)
  }

  adapter(scope: ArrayScope): AdapterArrays<DeviceArray> {
    return this.#arrays.take(this.parameters.version, () => this.#upload(), scope)
  }

  decoder(): null {
    return null
  }

  addGradients(results: readonly HostArray[], scale: number, sum: Float32Array): void {
    const stacks = this.#stacks().flatMap(({ a, b }) => [a, b])
    const byType = new Map(stacks.map((type, i) => [type, results[i]!]))
    let at = 0
    for (const entry of this.parameters.entries) {
      const types = this.#types[entry.module]!
      for (const matrix of ['a', 'b'] as const) {
        const from = byType.get(types[matrix])!
        forEachPlace(entry, types, matrix, (own, stacked) => {
          sum[at + own]! += scale * from[stacked]!
        })
        at += entry[matrix].values.length
      }
    }
  }

  dispose(): void {
    this.#arrays.dispose()
  }

  #upload(): AdapterArrays<DeviceArray> {
    const values = this.#gather()
    return this.device.uploadAll((upload) => mapAdapter(this.#types, (type) => upload(values.get(type)!, type)))
  }

  #stacks(): LoraArrays<ArrayType>[] {
    return Object.values(this.#types)
  }

  /** The values of each array. */
  #gather(): Map<ArrayType, HostArray> {
    const values = new Map(listAdapter(this.#types).map((type) => [type, hostArray(type)]))
    for (const entry of this.parameters.entries) {
      const types = this.#types[entry.module]!
      for (const matrix of ['a', 'b'] as const) {
        const to = values.get(types[matrix])!
        const from = entry[matrix].values
        forEachPlace(entry, types, matrix, (own, stacked) => {
          to[stacked] = from[own]!
        })
      }
      values.get(types.scale)![entry.layer] = entry.scale
    }
    return values
  }
}

/** The place of each number of a matrix in the stack of all layers, whose rank may be larger. */
function forEachPlace(
  entry: LoraEntry,
  types: LoraArrays<ArrayType>,
  matrix: 'a' | 'b',
  visit: (own: number, stacked: number) => void,
): void {
  const [, ...shape] = types[matrix].shape
  const start = entry.layer * sizeOf(shape)
  const [rows, columns] = entry[matrix].shape
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) visit(row * columns + column, start + row * shape[1]! + column)
  }
}
