import * as tf from '../bundled/tfjs.js'
import type { AttentionSegment } from './attention.js'
import { hasKernel, registerGradient, runKernel } from './kernel.js'
import type { LoraTerm } from './linear.js'
import { isTrainable } from './weight.js'
import type { Weight } from './weight.js'

/** The linear layers of a decoder layer, in the order in which they are computed. */
export const layerLinears = ['q', 'k', 'v', 'o', 'gate', 'up', 'down'] as const
export type LayerLinear = (typeof layerLinears)[number]

/** What a decoder layer computes with beside its input. */
export interface LayerWeights {
  readonly inputNorm: tf.Tensor1D // [hidden]
  readonly postAttentionNorm: tf.Tensor1D // [hidden]
  /** RMSNorm of each head's query and key. */
  readonly queryNorm: tf.Tensor1D | null // [headDim]
  readonly keyNorm: tf.Tensor1D | null // [headDim]
  readonly linears: Readonly<
    Record<
      LayerLinear,
      { readonly weight: Weight; readonly bias: tf.Tensor1D | null; readonly lora: Omit<LoraTerm, 'x'> | null }
    >
  >
}

export interface LayerOptions {
  readonly segments: readonly AttentionSegment[]
  readonly numHeads: number
  readonly numKeyValueHeads: number
  /** Of the norms. */
  readonly epsilon: number
  /** Whether queries and keys are rotated. */
  readonly isRotated: boolean
  /** Rows in the order in which their keys and values are laid out for the segments. Defaults to null: all as they are. */
  readonly keyRows: Int32Array | null // [S]
  /** What the linear layers give, when it was computed before: tables, and the row of each token in them. Defaults to null. */
  readonly known: {
    readonly tables: Readonly<Record<LayerLinear, tf.Tensor2D>> // [·, out] each
    readonly rows: Int32Array // [N]
  } | null
}

/** Whether the current backend has kernels for a whole layer: one whose weights are frozen. */
export function hasDecoderLayer({ inputNorm, postAttentionNorm, queryNorm, keyNorm, linears }: LayerWeights): boolean {
  const tensors = [inputNorm, postAttentionNorm, queryNorm, keyNorm, ...layerLinears.map((name) => linears[name].bias)]
  return (
    hasKernel('DecoderLayer') &&
    !tensors.some((tensor) => tensor instanceof tf.Variable) &&
    !layerLinears.some((name) => isTrainable(linears[name].weight))
  )
}

/**
 * A decoder layer as one op, for training: what the composition of the ops of engine/cpu/decoder.ts computes, to the bit, without what
 * lies between its kernels.
 *
 * x ← x + o(attention(rope(norm(q(n))), rope(norm(k(n))), v(n))) with n = rmsNorm(x), then x ← x + down(silu(gate(n)) · up(n)) with
 * n = rmsNorm(x). Shapes are not checked: the ops that it is composed of do.
 */
export function decoderLayer(
  x: tf.Tensor2D, // [N, hidden]
  cos: tf.Tensor2D, // [N, headDim / 2]
  sin: tf.Tensor2D, // [N, headDim / 2]
  weights: LayerWeights, // of which hasDecoderLayer() is true
  options: LayerOptions,
): tf.Tensor2D /* [N, hidden] */ {
  const matrices = layerLinears.flatMap((name) => {
    const { lora } = weights.linears[name]
    return lora ? [lora.a, lora.b] : []
  })
  // tfjs takes a list of inputs as well, and then keeps all of them for the gradient.
  const inputs = [x, cos, sin, ...matrices] as unknown as Record<string, tf.Tensor>
  const attributes: LayerAttributes = { ...options, weights }
  return runKernel<tf.Tensor[]>('DecoderLayer', inputs, attributes)[0] as tf.Tensor2D
}

/** What the kernels of a layer get beside tensors. */
export interface LayerAttributes extends LayerOptions {
  readonly weights: LayerWeights
}

/** Results of the kernel `DecoderLayer` that its gradient reads, at most, behind the layer's own. */
const ACTIVATIONS = 13

registerGradient<tf.Tensor[], LayerAttributes>('DecoderLayer', {
  inputs: 'all',
  outputs: [false, ...new Array<boolean>(ACTIVATIONS).fill(true)],
  differentiated: 1,
  gradients: ([dy], saved, attributes) => {
    const inputs = [dy, ...saved] as unknown as Record<string, tf.Tensor>
    const run = (withInput: boolean): tf.Tensor[] =>
      runKernel<tf.Tensor[]>('DecoderLayerGradient', inputs, { ...attributes, withInput })
    let results: tf.Tensor[] | null = null
    const matrix = (index: number): tf.Tensor => {
      // tfjs's own gradients free what the first one that needs it has made.
      if (!results || results.some(({ isDisposed }) => isDisposed)) results = run(false)
      return results[index]!
    }
    const count = layerLinears.filter((name) => attributes.weights.linears[name].lora).length
    const matrices = Array.from({ length: 2 * count }, (_, i) => [3 + i, () => matrix(i)] as const)
    return {
      // Asked for before the matrices, where the input has a gradient; it comes behind theirs.
      0: () => {
        results = run(true)
        return results.at(-1)!
      },
      ...Object.fromEntries(matrices),
    }
  },
})
