import * as tf from '@tensorflow/tfjs'
import { writeRows } from '../ops/writeRows.js'
import type { ModelConfig } from './config.js'

/** Keys and values of all layers for a fixed number of tokens (slots), float32. Which token lies in which slot is the caller's affair. */
export class KeyValueCache {
  readonly #keys: tf.Tensor2D[] // [slots, numKeyValueHeads · headDim] for each layer
  readonly #values: tf.Tensor2D[]

  constructor(
    config: ModelConfig,
    readonly slots: number,
  ) {
    const width = config.numKeyValueHeads * config.headDim
    const tables = (): tf.Tensor2D[] =>
      Array.from({ length: config.numLayers }, () => tf.keep(tf.zeros([slots, width])))
    this.#keys = tables()
    this.#values = tables()
  }

  /** Stores the keys and values of a batch's tokens and returns the layer's tables, which belong to the cache. */
  append(
    layer: number,
    keys: tf.Tensor2D, // [N, numKeyValueHeads · headDim]
    values: tf.Tensor2D, // [N, numKeyValueHeads · headDim]
    slots: Int32Array, // [N]
  ): { keys: tf.Tensor2D; values: tf.Tensor2D } {
    const table = {
      keys: writeRows(this.#keys[layer]!, keys, slots),
      values: writeRows(this.#values[layer]!, values, slots),
    }
    this.#keys[layer] = table.keys
    this.#values[layer] = table.values
    return table
  }

  dispose(): void {
    for (const table of [...this.#keys, ...this.#values]) table.dispose()
  }
}
