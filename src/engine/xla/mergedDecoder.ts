import { changedMatrices, mergeProgram } from '../../xla/programs/mergeAdapter.js'
import { listAdapter } from '../../xla/programs/decoderArrays.js'
import type { DecoderArrays } from '../../xla/programs/decoderArrays.js'
import type { ProgramModel } from '../../xla/programs/decoderLayer.js'
import type { DeviceArray } from '../../xla/runtime/runner.js'
import type { Device } from './device.js'
import { modelKey } from './sequencePrograms.js'
import type { Trained } from './trained.js'

/** The weights that completions are sampled with: those with the adapter merged, as long as it has not changed. */
export class MergedDecoder {
  #merged: {
    readonly version: number
    readonly arrays: readonly DeviceArray[]
    readonly decoder: DecoderArrays<DeviceArray>
  } | null = null

  constructor(
    private readonly device: Device,
    private readonly model: ProgramModel,
    private readonly base: DecoderArrays<DeviceArray>,
    private readonly trained: Trained | null,
  ) {}

  /** The weights, merged anew when the adapter has changed. */
  async decoder(): Promise<DecoderArrays<DeviceArray>> {
    const { trained, base } = this
    if (!trained) return base
    const adapter = trained.adapter()
    const { ranks } = trained
    if (!adapter || !ranks) return trained.decoder() ?? base
    const { version } = trained.parameters
    if (this.#merged?.version === version) return this.#merged.decoder
    this.free()
    const names = changedMatrices(ranks)
    const executable = await this.device.program(`merge ${modelKey(this.model)} ${JSON.stringify(ranks)}`, () =>
      mergeProgram(this.model, ranks),
    )
    const matrices = names.map((name) => base.layers[name])
    const arrays = this.device.execute(executable, [...matrices, ...listAdapter(adapter)])
    const changed = Object.fromEntries(names.map((name, i) => [name, arrays[i]!]))
    const decoder = { ...base, layers: { ...base.layers, ...changed } }
    this.#merged = { version, arrays, decoder }
    return decoder
  }

  /** Frees the merged weights: while training they would only take memory, and after it they are other ones. */
  free(): void {
    if (this.#merged) this.device.free(...this.#merged.arrays)
    this.#merged = null
  }
}
