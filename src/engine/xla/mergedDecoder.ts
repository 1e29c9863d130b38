import { changedMatrices, mergeProgram } from '../../xla/programs/mergeAdapter.js'
import { listAdapter } from '../../xla/programs/decoderArrays.js'
import type { DecoderArrays } from '../../xla/programs/decoderArrays.js'
import type { ProgramModel } from '../../xla/programs/decoderLayer.js'
import type { DeviceArray, Executable } from '../../xla/runtime/runner.js'
import { ArrayScope } from './device.js'
import type { Device } from './device.js'
import { modelKey } from './sequencePrograms.js'
import type { Trained } from './trained.js'
import { VersionedArrays } from './versionedArrays.js'

/** The weights that completions are sampled with: those with the adapter merged, as long as it has not changed. */
export class MergedDecoder {
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
  async decoder(scope: ArrayScope): Promise<DecoderArrays<DeviceArray>> {
    const { device, model, base, trained } = this
    if (!trained?.ranks) return trained?.decoder(scope) ?? base
    const { ranks, parameters } = trained
    const names = changedMatrices(ranks)
    const executable = await device.program(`merge ${modelKey(model)} ${JSON.stringify(ranks)}`, () =>
      mergeProgram(model, ranks),
    )
    const matrices = names.map((name) => base.layers[name])
    // From here on nothing waits: what others have merged meanwhile is seen.
    const arrays = this.#merged.take(parameters.version, () => this.#merge(executable, matrices, trained), scope)
    const changed = Object.fromEntries(names.map((name, i) => [name, arrays[i]!]))
    return { ...base, layers: { ...base.layers, ...changed } }
  }

  /** Frees the merged weights: while training they would only take memory, and after it they are other ones. */
  free(): void {
    this.#merged.free()
  }

  /** Frees them; there will be no others. */
  dispose(): void {
    this.#merged.dispose()
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
