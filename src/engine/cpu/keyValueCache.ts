import * as tf from '../../bundled/tfjs.js'
import { selectRows } from '../../ops/selectRows.js'
import { writeRows } from '../../ops/writeRows.js'
import type { ModelConfig } from '../../model/config.js'
import type { SlotCopy } from './packedBatch.js'

/** Keys and values of all layers for a fixed number of tokens (slots), float32. Which token lies in which slot is the caller's affair. */
export class KeyValueCache {
  readonly #keys: tf.Tensor2D[] // [slots, numKeyValueHeads · headDim] for each layer
  readonly #values: tf.Tensor2D[]

  constructor(
    config: ModelConfig,
    /** Tokens that it has room for. */
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
    /** Copied afterwards, one after another. */
    copies: readonly SlotCopy[] = [],
  ): { keys: tf.Tensor2D; values: tf.Tensor2D } {
    const table = {
      keys: copySlots(writeRows(this.#keys[layer]!, keys, slots), copies),
      values: copySlots(writeRows(this.#values[layer]!, values, slots), copies),
    }
    this.#keys[layer] = table.keys
    this.#values[layer] = table.values
    return table
  }

  /** Frees its memory. */
  dispose(): void {
    for (const table of [...this.#keys, ...this.#values]) table.dispose()
  }
}

function copySlots(table: tf.Tensor2D, copies: readonly SlotCopy[]): tf.Tensor2D {
  const range = (start: number, length: number): Int32Array => Int32Array.from({ length }, (_, i) => start + i)
  for (const { from, to, length } of copies) {
    const rows = selectRows(table, range(from, length))
    table = writeRows(table, rows, range(to, length))
    rows.dispose()
  }
  return table
}
