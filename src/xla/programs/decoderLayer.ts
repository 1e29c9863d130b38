import type { ModelConfig } from '../../model/config.js'
import type { LoraModule } from '../../model/loraOptions.js'
import * as hlo from '../graph/operations.js'
import type { Node } from '../graph/node.js'
import { fusedRows } from './decoderArrays.js'
import type { AdapterArrays, FloatType, LayerArrays, MatrixFormats } from './decoderArrays.js'
import { dequantized } from './quantizedProducts.js'
import type { Multiply } from './quantizedProducts.js'
import { isQuantizedArrays } from './weightArrays.js'
import type { WeightArrays } from './weightArrays.js'

/** What all programs of a model have in common. */
export interface ProgramModel {
  readonly config: ModelConfig
  /** Type of the weights that are not quantised, and of what is multiplied. */
  readonly weightType: FloatType
  /** Of the matrices that are quantised. Defaults to none. */
  readonly formats?: MatrixFormats
}

/** Cosines and sines of the angles by which each token is turned. */
export interface Rotary {
  readonly cos: Node // [N, headDim / 2]
  readonly sin: Node // [N, headDim / 2]
}

/** What one layer computes with. */
export interface LayerInputs {
  readonly weights: LayerArrays<Node>
  /** Null where there is none, or where it is merged into the weights. */
  readonly adapter: AdapterArrays<Node> | null
  readonly rotary: Rotary
  /** Attention over queries, keys and values of the tokens. */
  readonly attend: (
    queries: Node, // [N, H · headDim]
    keys: Node, // [N, G · headDim]
    values: Node, // [N, G · headDim]
  ) => Node // [N, H · headDim]
  /** What goes into the A of a module, of what goes into the module: the training pass leaves numbers out. */
  readonly dropout: ((x: Node, module: LoraModule) => Node) | null
}

/**
 * A decoder layer of Llama, Qwen2, Qwen3 and SmolLM3:
 * x ← x + o(attention(rope(norm(q(n))), rope(norm(k(n))), v(n))) with n = rmsNorm(x), then
 * x ← x + down(silu(gate(n)) · up(n)) with n = rmsNorm(x).
 */
export function decoderLayer(
  model: ProgramModel,
  x: Node, // [N, D] f32
  { weights, adapter, rotary, attend, dropout }: LayerInputs,
): Node /* [N, D] f32 */ {
  const { config } = model
  const rows = fusedRows(config)
  const update = (input: Node, module: LoraModule): Node | null =>
    adapter?.[module] ? loraUpdate(model, dropout?.(input, module) ?? input, adapter[module]) : null
  /** Products of one input with matrices that lie one behind the other. */
  const project = (
    input: Node,
    matrix: WeightArrays<Node>,
    bias: Node | null,
    modules: readonly LoraModule[],
    sizes: readonly number[],
  ): Node[] => {
    const product = linear(model, input, matrix)
    // Joined with its bias, a product would copy the layer's weights out of those of all layers first.
    const sum = bias ? hlo.add(hlo.barrier(product), hlo.repeatColumns(bias, product.shape)) : product
    let at = 0
    return modules.map((module, i) => {
      const part = hlo.sliceAlong(sum, 1, at, (at += sizes[i]!))
      const term = update(input, module)
      return term ? hlo.add(part, term) : part
    })
  }

  const normed = rmsNorm(x, weights.inputNorm, config.rmsNormEpsilon)
  const [queries, keys, values] = project(
    normed,
    weights.queryKeyValue,
    weights.queryKeyValueBias,
    ['q_proj', 'k_proj', 'v_proj'],
    rows.queryKeyValue,
  ) as [Node, Node, Node]
  const place = (heads: Node, norm: Node | null): Node => rotate(config, normHeads(config, heads, norm), rotary)
  const mixed = attend(place(queries, weights.queryNorm), place(keys, weights.keyNorm), values)
  const [attended] = project(mixed, weights.output, weights.outputBias, ['o_proj'], [config.hiddenSize]) as [Node]
  const between = hlo.add(x, attended)

  const mlpInput = rmsNorm(between, weights.postAttentionNorm, config.rmsNormEpsilon)
  const [gate, up] = project(mlpInput, weights.gateUp, weights.gateUpBias, ['gate_proj', 'up_proj'], rows.gateUp) as [
    Node,
    Node,
  ]
  const activated = hlo.multiply(hlo.multiply(gate, hlo.logistic(gate)), up)
  const [down] = project(activated, weights.down, weights.downBias, ['down_proj'], [config.hiddenSize]) as [Node]
  return hlo.add(between, down)
}

/** How a program multiplies: numbers as wide as the weights, summed in float32. */
export function multiplier(weightType: FloatType): Multiply {
  return (left, right, dimensions) => hlo.dot(hlo.convert(left, weightType), hlo.convert(right, weightType), dimensions)
}

/** x · Wᵀ */
export function linear(
  { weightType }: Pick<ProgramModel, 'weightType'>,
  x: Node, // [N, in]
  weight: WeightArrays<Node>, // [out, in]
): Node /* [N, out] f32 */ {
  const matrix = isQuantizedArrays(weight) ? dequantized(weight) : weight
  return multiplier(weightType)(x, matrix, { contract: [[1], [1]] })
}

/** scale · x · Aᵀ · Bᵀ */
function loraUpdate(
  model: ProgramModel,
  x: Node, // [N, in]
  { a, b, scale }: { a: Node; b: Node; scale: Node },
): Node /* [N, out] */ {
  const product = linear(model, linear(model, x, a), b)
  return hlo.multiply(product, hlo.broadcast(scale, product.shape, []))
}

/** x / √(mean of x² + ε) · w, along the last dimension. */
export function rmsNorm(
  x: Node, // [N, D] or [N, heads, D]
  weight: Node, // [D]
  epsilon: number,
): Node {
  const last = x.shape.length - 1
  const meanSquare = hlo.multiply(hlo.sum(hlo.multiply(x, x), [last]), 1 / x.shape[last]!)
  const inverse = hlo.rsqrt(hlo.add(meanSquare, epsilon))
  return hlo.multiply(hlo.multiply(x, hlo.repeatRows(inverse, x.shape)), hlo.repeatColumns(weight, x.shape))
}

/** The norm of each head of its own, where the model has one. */
function normHeads(
  { headDim, rmsNormEpsilon }: ModelConfig,
  x: Node /* [N, heads · headDim] */,
  norm: Node | null,
): Node {
  if (!norm) return x
  const heads = hlo.reshape(x, [x.shape[0]!, x.shape[1]! / headDim, headDim])
  return hlo.reshape(rmsNorm(heads, norm, rmsNormEpsilon), x.shape)
}

/** Turns the two halves of each head by the angles of its token. */
function rotate({ headDim }: ModelConfig, x: Node /* [N, heads · headDim] */, { cos, sin }: Rotary): Node {
  const half = headDim / 2
  const heads = hlo.reshape(x, [x.shape[0]!, x.shape[1]! / headDim, headDim])
  const [first, second] = [hlo.sliceAlong(heads, 2, 0, half), hlo.sliceAlong(heads, 2, half, headDim)]
  const [c, s] = [cos, sin].map((table) => hlo.broadcast(table, first.shape, [0, 2])) as [Node, Node]
  const turned = hlo.concatenate(
    [
      hlo.subtract(hlo.multiply(first, c), hlo.multiply(second, s)),
      hlo.add(hlo.multiply(second, c), hlo.multiply(first, s)),
    ],
    2,
  )
  return hlo.reshape(turned, x.shape)
}
