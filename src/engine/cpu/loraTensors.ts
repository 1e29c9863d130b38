import * as tf from '../../bundled/tfjs.js'
import type { LoraAdapter, LoraMatrix, LoraTarget } from '../../model/lora.js'
import type { LoraModule } from '../../model/loraOptions.js'
import { projectionName } from '../../model/modelTensors.js'

/** The update of one linear layer as tensors. */
export interface LoraTensorEntry extends LoraTarget {
  readonly a: tf.Variable<tf.Rank.R2> // [r, in]
  readonly b: tf.Variable<tf.Rank.R2> // [out, r]
}

/** An adapter's matrices as tensors that the forward pass takes and gradients are taken of. */
export class LoraTensors {
  readonly dropout: number
  readonly entries: readonly LoraTensorEntry[]
  readonly #byName: ReadonlyMap<string, LoraTensorEntry>
  /** Of the adapter's values that the tensors hold. */
  #version: number

  constructor(readonly adapter: LoraAdapter) {
    this.dropout = adapter.dropout
    this.#version = adapter.version
    this.entries = adapter.entries.map((entry) => ({ ...entry, a: variableOf(entry.a), b: variableOf(entry.b) }))
    this.#byName = new Map(this.entries.map((entry) => [projectionName(entry.layer, entry.module), entry]))
  }

  /** The update of one linear layer; undefined where it has none. */
  entry(layer: number, module: LoraModule): LoraTensorEntry | undefined {
    return this.#byName.get(projectionName(layer, module))
  }

  /** All matrices, in the order of the adapter's parameters. */
  get variables(): tf.Variable[] {
    return this.entries.flatMap(({ a, b }) => [a, b])
  }

  /** Takes over the adapter's values where they have changed. */
  refresh(): void {
    if (this.#version === this.adapter.version) return
    this.#version = this.adapter.version
    const { variables } = this
    tf.tidy(() => {
      // One upload for all of them. The values are copied: the backend may keep what it is given.
      const flat = tf.tensor1d(this.adapter.values.slice())
      const parts = tf.split(
        flat,
        variables.map(({ size }) => size),
      )
      for (const [i, variable] of variables.entries()) variable.assign(tf.reshape(parts[i]!, variable.shape))
    })
  }

  dispose(): void {
    tf.dispose(this.variables)
  }
}

function variableOf(matrix: LoraMatrix): tf.Variable<tf.Rank.R2> {
  return tf.tidy(() => tf.variable(tensorOf(matrix)))
}

/** The values are copied: the backend may keep what it is given. */
function tensorOf({ values, shape }: LoraMatrix): tf.Tensor2D {
  return tf.tensor2d(values.slice(), [...shape])
}
