import type * as tf from '../../bundled/tfjs.js'
import type { LoraAdapter, LoraTarget } from '../../model/lora.js'
import type { LoraModule } from '../../model/loraOptions.js'
import { projectionName } from '../../model/modelTensors.js'
import { ParameterTensors } from './parameterTensors.js'

/** The update of one linear layer as tensors. */
export interface LoraTensorEntry extends LoraTarget {
  readonly a: tf.Variable<tf.Rank.R2> // [r, in]
  readonly b: tf.Variable<tf.Rank.R2> // [out, r]
}

/** An adapter's matrices as tensors. */
export class LoraTensors extends ParameterTensors<LoraAdapter> {
  readonly entries: readonly LoraTensorEntry[]
  readonly #byName: ReadonlyMap<string, LoraTensorEntry>

  constructor(adapter: LoraAdapter) {
    super(adapter)
    const variables = this.variables as readonly tf.Variable<tf.Rank.R2>[]
    this.entries = adapter.entries.map((entry, i) => ({ ...entry, a: variables[2 * i]!, b: variables[2 * i + 1]! }))
    this.#byName = new Map(this.entries.map((entry) => [projectionName(entry.layer, entry.module), entry]))
  }

  /** The update of one linear layer; undefined where it has none. */
  entry(layer: number, module: LoraModule): LoraTensorEntry | undefined {
    return this.#byName.get(projectionName(layer, module))
  }
}
