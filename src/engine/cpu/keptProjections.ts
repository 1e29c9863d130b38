import * as tf from '../../bundled/tfjs.js'
import { uninitialized } from '../../ops/uninitialized.js'
import { selectRows } from '../../ops/selectRows.js'
import { writeRows } from '../../ops/writeRows.js'
import type { ModelConfig } from '../../model/config.js'
import { KeptDistributions } from './keptDistributions.js'
import { projections, projectionShape } from '../../model/modelTensors.js'
import type { Projection } from '../../model/modelTensors.js'

type TokenIds = readonly number[]

/** Where the tokens of a prompt or a completion lie in the tables. */
interface Place {
  readonly rows: number[]
  /** Of these rows, how many at the start belong to a prompt that begins alike. */
  readonly borrowed: number
}

/** Rows of {@link KeptProjections} for the tokens of a batch. */
export interface KeptRows {
  readonly projections: KeptProjections
  readonly rows: Int32Array // [N]; -1 for a token that is not kept
}

/**
 * What the projections of every layer gave for the tokens of sampled completions and their prompts.
 *
 * Sampling computes the forward pass that the gradient of the first update needs: the same tokens, the same policy, and by kernels
 * whose results do not depend on the batch the same bits. Kept, its matrix products need not be computed again.
 *
 * Tokens are found by the array of ids that they come from, the very same one, so that ids that were read from a file are not
 * found. When the tables are full, what was begun last is given up first.
 */
export class KeptProjections {
  /** Of the tokens of sampled completions; there is always room for these. */
  readonly distributions = new KeptDistributions()
  readonly #tables: readonly Record<Projection, tf.Tensor2D>[] // [capacity, out] each
  readonly #places = new Map<TokenIds, Place>()
  /** What is kept, in the order in which it was begun. */
  readonly #begun: TokenIds[] = []
  readonly #free: number[]
  #isDisposed = false

  constructor(
    config: ModelConfig,
    /** Tokens that there is room for. */
    readonly capacity: number,
  ) {
    this.#free = Array.from({ length: capacity }, (_, i) => capacity - 1 - i)
    const table = (projection: Projection): tf.Tensor2D =>
      tf.keep(uninitialized([capacity, projectionShape(config, projection)[0]]))
    this.#tables = Array.from({ length: config.numLayers }, () => {
      const tables = projections.map((projection) => [projection, table(projection)])
      return Object.fromEntries(tables) as Record<Projection, tf.Tensor2D>
    })
  }

  /** Begins to keep the tokens of a prompt or completion; the first `length` of them are those of `like`, which is kept already. */
  begin(ids: TokenIds, like?: { ids: TokenIds; length: number }): void {
    if (this.#places.has(ids)) return
    const shared = like && this.#places.get(like.ids)
    if (like && !shared) return
    this.#places.set(ids, { rows: shared?.rows.slice(0, like!.length) ?? [], borrowed: like?.length ?? 0 })
    this.#begun.push(ids)
  }

  /** A row for the next token of what was begun, -1 when it is not kept (any more). */
  take(ids: TokenIds): number {
    while (this.#free.length === 0 && this.#places.has(ids)) this.#giveUpLast()
    const place = this.#places.get(ids)
    if (!place) return -1
    const row = this.#free.pop()!
    place.rows.push(row)
    return row
  }

  /** Rows of the first `count` tokens; null when not all of them are kept. */
  rows(ids: TokenIds, count: number): readonly number[] | null {
    const place = this.#places.get(ids)
    return place && place.rows.length >= count ? place.rows.slice(0, count) : null
  }

  write(layer: number, projection: Projection, output: tf.Tensor2D /* [N, out] */, rows: Int32Array /* [N] */): void {
    const tables = this.#tables[layer]!
    const kept = [...rows.keys()].filter((i) => rows[i]! >= 0)
    if (kept.length === 0) return
    const all = kept.length === rows.length
    const selected = all ? output : selectRows(output, Int32Array.from(kept))
    tables[projection] = writeRows(tables[projection], selected, all ? rows : rows.filter((row) => row >= 0))
    if (!all) selected.dispose()
  }

  read(layer: number, projection: Projection, rows: Int32Array /* [N] */): tf.Tensor2D /* [N, out] */ {
    return selectRows(this.#tables[layer]![projection], rows)
  }

  /** Whether its memory was given back. */
  get isDisposed(): boolean {
    return this.#isDisposed
  }

  /** What is kept of one projection; its memory stays the same until it is disposed. */
  table(layer: number, projection: Projection): tf.Tensor2D /* [capacity, out] */ {
    return this.#tables[layer]![projection]
  }

  dispose(): void {
    this.#isDisposed = true
    for (const tables of this.#tables) tf.dispose(Object.values(tables))
  }

  #giveUpLast(): void {
    const ids = this.#begun.pop()!
    const { rows, borrowed } = this.#places.get(ids)!
    this.#places.delete(ids)
    this.#free.push(...rows.slice(borrowed))
  }
}

/** Bytes that {@link KeptProjections} takes for a token: float32, all projections of all layers. */
export function keptBytesPerToken(config: ModelConfig): number {
  const width = projections.reduce((sum, projection) => sum + projectionShape(config, projection)[0], 0)
  return 4 * config.numLayers * width
}
