import { changedMatrices, mergeProgram } from '../../xla/programs/mergeAdapter.js'
import { listAdapter } from '../../xla/programs/decoderArrays.js'
import type { DecoderArrays } from '../../xla/programs/decoderArrays.js'
import type { ProgramModel } from '../../xla/programs/decoderLayer.js'
import type { DeviceArray } from '../../xla/runtime/runner.js'
import type { Device } from './device.js'
import { modelKey } from './sequencePrograms.js'
import type { Ranks, Trained } from './trained.js'

/** Weights with an adapter as it was in one version. */
interface Merged {
  readonly version: number
  readonly arrays: readonly DeviceArray[]
  readonly decoder: DecoderArrays<DeviceArray>
  /** Who samples with them. */
  users: number
}

/** The weights that completions are sampled with: those with the adapter merged, as long as it has not changed. */
export class MergedDecoder {
  #merged: Merged | null = null

  constructor(
    private readonly device: Device,
    private readonly model: ProgramModel,
    private readonly base: DecoderArrays<DeviceArray>,
    private readonly trained: Trained | null,
  ) {}

  /** Samples with the weights, merged anew when the adapter has changed; they stay until it is done, whatever changes meanwhile. */
  async use<Result>(sample: (decoder: DecoderArrays<DeviceArray>) => Promise<Result>): Promise<Result> {
    const { trained, base } = this
    if (!trained?.ranks) return sample(trained?.decoder() ?? base)
    const merged = await this.#merge(trained, trained.ranks)
    try {
      return await sample(merged.decoder)
    } finally {
      merged.users--
      this.#freeUnused(merged)
    }
  }

  /** Frees the merged weights: while training they would only take memory, and after it they are other ones. */
  free(): void {
    const merged = this.#merged
    this.#merged = null
    if (merged) this.#freeUnused(merged)
  }

  /** The weights as they are now, with one user more. */
  async #merge(trained: Trained, ranks: Ranks): Promise<Merged> {
    const { device, model, base } = this
    const executable = await device.program(`merge ${modelKey(model)} ${JSON.stringify(ranks)}`, () =>
      mergeProgram(model, ranks),
    )
    // From here on nothing waits: what others have merged meanwhile is seen.
    const { version } = trained.parameters
    if (this.#merged?.version !== version) {
      this.free()
      const names = changedMatrices(ranks)
      const matrices = names.map((name) => base.layers[name])
      const arrays = device.execute(executable, [...matrices, ...listAdapter(trained.adapter()!)])
      const changed = Object.fromEntries(names.map((name, i) => [name, arrays[i]!]))
      this.#merged = { version, arrays, decoder: { ...base, layers: { ...base.layers, ...changed } }, users: 0 }
    }
    this.#merged.users++
    return this.#merged
  }

  #freeUnused(merged: Merged): void {
    if (merged.users === 0 && merged !== this.#merged) this.device.free(...merged.arrays)
  }
}
