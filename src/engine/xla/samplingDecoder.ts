import { listAdapter, listDecoder } from '../../xla/programs/decoderArrays.js'
import type { DecoderArrays } from '../../xla/programs/decoderArrays.js'
import type { ProgramModel } from '../../xla/programs/decoderLayer.js'
import { changedMatrices, mergeProgram } from '../../xla/programs/mergeAdapter.js'
import { listWeight } from '../../xla/programs/weightArrays.js'
import type { DeviceArray, Executable } from '../../xla/runtime/runner.js'
import { ArrayScope } from './device.js'
import type { Device } from './device.js'
import { modelKey } from './sequencePrograms.js'
import type { Ranks, Trained } from './trained.js'
import { VersionedArrays } from './versionedArrays.js'

/** What completions are sampled with. */
export interface SamplingWeights {
  /** Of an adapter that is computed apart; null without one, or where it is merged. */
  readonly ranks: Ranks | null
  /** The first arguments of the programs that sample: the decoder, and the adapter where it is apart. */
  readonly list: readonly DeviceArray[]
}

/** Whether adapters are merged into the weights before sampling: codes have no room for what they add. */
export function isMerged({ formats = {} }: ProgramModel): boolean {
  return Object.keys(formats).length === 0
}

/** The weights that completions are sampled with; an adapter that is merged stays so as long as it has not changed. */
export class SamplingDecoder {
  readonly #merged: VersionedArrays<readonly DeviceArray[]>

  constructor(
    private readonly device: Device,
    private readonly model: ProgramModel,
    private readonly base: DecoderArrays<DeviceArray>,
    private readonly trained: Trained | null,
  ) {
    this.#merged = new VersionedArrays(device, (arrays) => arrays)
  }

  /** The weights, merged anew when the adapter has changed; they stay until the scope ends, whatever changes meanwhile. */
  async weights(scope: ArrayScope): Promise<SamplingWeights> {
    const { model, base, trained } = this
    if (!trained?.ranks) return { ranks: null, list: listDecoder(trained?.decoder(scope) ?? base) }
    if (isMerged(model))
      return { ranks: null, list: listDecoder(await this.#mergedDecoder(trained, trained.ranks, scope)) }
    return { ranks: trained.ranks, list: [...listDecoder(base), ...listAdapter(trained.adapter(scope)!)] }
  }

  /** Frees the merged weights: while training they would only take memory, and after it they are other ones. */
  free(): void {
    this.#merged.free()
  }

  /** Frees them; there will be no others. */
  dispose(): void {
    this.#merged.dispose()
  }

  async #mergedDecoder(trained: Trained, ranks: Ranks, scope: ArrayScope): Promise<DecoderArrays<DeviceArray>> {
    const { device, model, base } = this
    const names = changedMatrices(ranks)
    const executable = await device.program(`merge ${modelKey(model)} ${JSON.stringify(ranks)}`, () =>
      mergeProgram(model, ranks),
    )
    const matrices = names.flatMap((name) => listWeight(base.layers[name]))
    // From here on nothing waits: what others have merged meanwhile is seen.
    const { version } = trained.parameters
    const arrays = this.#merged.take(version, () => this.#merge(executable, matrices, trained), scope)
    const changed = Object.fromEntries(names.map((name, i) => [name, arrays[i]!]))
    return { ...base, layers: { ...base.layers, ...changed } }
  }

  #merge(executable: Executable, matrices: readonly DeviceArray[], trained: Trained): DeviceArray[] {
    const scope = new ArrayScope(this.device)
    try {
      return this.device.execute(executable, [...matrices, ...listAdapter(trained.adapter(scope)!)])
    } finally {
      scope.free()
    }
  }
}
