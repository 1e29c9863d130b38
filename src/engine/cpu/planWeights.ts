import * as tf from '../../bundled/tfjs.js'
import type { CpuBackend } from '../../backend/cpu/backend.js'
import { panelWeight } from '../../backend/cpu/kernels/panelWeight.js'
import type { PanelWeight } from '../../backend/cpu/kernels/panelWeight.js'
import { jointPanels, matrixPanels, sharePanels } from '../../backend/cpu/kernels/panels.js'
import { projections } from '../../model/modelTensors.js'
import type { Projection } from '../../model/modelTensors.js'
import { isTrainable } from '../../ops/weight.js'
import type { PackedWeight, Weight } from '../../ops/weight.js'
import type { DecoderLayer, DecoderWeights } from './decoder.js'
import type { LoraTensorEntry, LoraTensors } from './loraTensors.js'

/** A linear layer by addresses. */
export interface PlanProjection {
  readonly weight: PanelWeight
  /** 0 for none. */
  readonly bias: number
  /** The low-rank term: columns `offset` … `offset + rank − 1` of what went through the As, times the panels of B. */
  readonly low: { readonly offset: number; readonly rank: number; readonly b: number } | null
}

/** A product of the input of some projections with the As of one or several of them. */
export interface DownProduct {
  /** Panels of the As. */
  readonly panels: number
  readonly columns: number
  /** Its first column among those of all As that have the input in common. */
  readonly offset: number
  readonly scale: number
}

/** The As of projections that have their input in common. */
export interface SharedInput {
  readonly products: readonly DownProduct[]
  /** Sum of the ranks. */
  readonly rank: number
}

/** A decoder's layer by addresses; 0 for a norm that the model does not have. */
export interface PlanLayer {
  readonly inputNorm: number
  readonly postAttentionNorm: number
  readonly queryNorm: number
  readonly keyNorm: number
  readonly projections: Readonly<Record<Projection, PlanProjection>>
  /** By the first projection that takes the input. */
  readonly inputs: Readonly<Record<(typeof INPUTS)[number][0], SharedInput>>
}

/** Projections that have their input in common. */
const INPUTS = [['q_proj', 'k_proj', 'v_proj'], ['o_proj'], ['gate_proj', 'up_proj'], ['down_proj']] as const

/** A decoder's weights and those of its adapter by addresses, which hold until they are disposed. */
export class PlanWeights {
  readonly layers: readonly PlanLayer[]
  readonly finalNorm: number
  readonly head: PanelWeight
  /** A trained embedding is a matrix [V, hidden], a frozen one is packed. */
  readonly embedding: { readonly matrix: number } | { readonly panels: PanelWeight }
  /** Largest sum of the ranks of projections that have their input in common. */
  readonly rank: number
  /** Keeps what is trained in memory: whoever changes the values meanwhile makes new tensors. */
  readonly #held: tf.Tensor[] = []
  readonly #blocks: number[] = []

  constructor(
    private readonly backend: CpuBackend,
    weights: DecoderWeights,
    adapter: LoraTensors | null,
  ) {
    this.layers = weights.layers.map((layer, index) => this.#layer(layer, index, adapter))
    this.finalNorm = this.#address(weights.finalNorm)
    this.head = this.#panels(weights.outputHead)
    const { embedding } = weights
    this.embedding = isTrainable(embedding)
      ? { matrix: this.#address((embedding as PackedWeight).tensor) }
      : { panels: this.#panels(embedding) }
    this.rank = Math.max(0, ...this.layers.flatMap(({ inputs }) => Object.values(inputs).map(({ rank }) => rank)))
  }

  dispose(): void {
    tf.dispose(this.#held)
    for (const address of this.#blocks) this.backend.runtime.allocator.release(address)
  }

  #layer(layer: DecoderLayer, index: number, adapter: LoraTensors | null): PlanLayer {
    const optional = (tensor: tf.Tensor | null): number => (tensor ? this.#address(tensor) : 0)
    const lows = new Map<Projection, PlanProjection['low']>()
    const inputs = INPUTS.map((shared): [string, SharedInput] => {
      const entries = shared.flatMap((projection) => adapter?.entry(index, projection) ?? [])
      let rank = 0
      for (const { module, r, b } of entries) {
        lows.set(module, { offset: rank, rank: r, b: matrixPanels(this.backend, this.#hold(b)) })
        rank += r
      }
      return [shared[0], { products: this.#downProducts(entries), rank }]
    })
    const made = projections.map((projection) => {
      const { weight, bias } = layer.projections[projection]
      return [
        projection,
        { weight: this.#panels(weight), bias: optional(bias), low: lows.get(projection) ?? null },
      ] as const
    })
    return {
      inputNorm: this.#address(layer.inputNorm),
      postAttentionNorm: this.#address(layer.postAttentionNorm),
      queryNorm: optional(layer.queryNorm),
      keyNorm: optional(layer.keyNorm),
      projections: Object.fromEntries(made) as PlanLayer['projections'],
      inputs: Object.fromEntries(inputs) as PlanLayer['inputs'],
    }
  }

  /** The As as one matrix where that takes fewer panels than each alone: a column's sum does not depend on those beside it. */
  #downProducts(entries: readonly LoraTensorEntry[]): DownProduct[] {
    const [first] = entries
    if (first && entries.every(({ scale }) => scale === first.scale) && sharePanels(entries.map(({ r }) => r))) {
      const panels = jointPanels(
        this.backend,
        entries.map(({ a }) => a),
      )
      this.#blocks.push(panels)
      return [{ panels, columns: entries.reduce((sum, { r }) => sum + r, 0), offset: 0, scale: first.scale }]
    }
    let at = 0
    return entries.map(({ a, r, scale }) => {
      const offset = at
      at += r
      return { panels: matrixPanels(this.backend, this.#hold(a)), columns: r, offset, scale }
    })
  }

  #panels(weight: Weight): PanelWeight {
    const packed = weight as PackedWeight
    this.#hold(packed.tensor)
    return panelWeight(this.backend, packed)
  }

  #address(tensor: tf.Tensor): number {
    return this.backend.address(this.#hold(tensor))
  }

  #hold<T extends tf.Tensor>(tensor: T): T {
    if (tensor instanceof tf.Variable) this.#held.push(tf.keep(tensor.clone()))
    return tensor
  }
}
