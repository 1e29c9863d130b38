import * as tf from '../../bundled/tfjs.js'
import { ShapeError } from '../../errors.js'
import { attention } from '../../ops/attention.js'
import { decoderLayer, hasDecoderLayer, layerLinears } from '../../ops/decoderLayer.js'
import type { LayerLinear, LayerWeights } from '../../ops/decoderLayer.js'
import { dropout as dropoutOp } from '../../ops/dropout.js'
import { mix } from '../../ops/mix.js'
import type { DropoutMask } from '../../ops/dropout.js'
import { embed } from '../../ops/embed.js'
import { recompute } from '../../ops/gradients.js'
import { linear } from '../../ops/linear.js'
import { rmsNorm } from '../../ops/rmsNorm.js'
import { rope } from '../../ops/rope.js'
import { selectRows } from '../../ops/selectRows.js'
import { swiglu } from '../../ops/swiglu.js'
import { plainWeight } from '../../ops/weight.js'
import type { Weight } from '../../ops/weight.js'
import type { ModelConfig } from '../../model/config.js'
import { tooLongSequence } from '../modelErrors.js'
import type { KeptRows } from './keptProjections.js'
import type { KeyValueCache } from './keyValueCache.js'
import type { LoraTensors } from './loraTensors.js'
import { projections } from '../../model/modelTensors.js'
import type { Projection } from '../../model/modelTensors.js'
import type { PackedBatch } from './packedBatch.js'
import { ropeTables } from '../../model/ropeFrequencies.js'

/** A linear layer. */
export interface LinearLayer {
  readonly weight: Weight // [out, in]
  readonly bias: tf.Tensor1D | null // [out]
}

/** The weights of one layer, frozen or trained. */
export interface DecoderLayer {
  readonly inputNorm: tf.Tensor1D // [hidden]
  readonly postAttentionNorm: tf.Tensor1D // [hidden]
  readonly projections: Readonly<Record<Projection, LinearLayer>>
  /** RMSNorm of each head's query and key (Qwen3). */
  readonly queryNorm: tf.Tensor1D | null // [headDim]
  readonly keyNorm: tf.Tensor1D | null // [headDim]
}

/** The weights of a decoder, frozen or trained. */
export interface DecoderWeights {
  readonly embedding: Weight // [V, hidden]
  readonly layers: readonly DecoderLayer[]
  readonly finalNorm: tf.Tensor1D // [hidden]
  /** The embedding itself when the two are tied. */
  readonly outputHead: Weight // [V, hidden]
}

export interface ForwardOptions {
  /** Keys and values of earlier tokens; `batch.slots` says where the batch's own go. */
  cache?: KeyValueCache
  /** Keep only the input of each layer for the gradient and compute the layer again there: slower, but little memory. Defaults to false. */
  recomputeLayers?: boolean
  /** Keeps what the projections give for the batch's tokens. */
  keep?: KeptRows
  /** Takes what the projections give for the batch's tokens from there; all of them have to be kept. */
  kept?: KeptRows
  /** Leaves out what goes into the adapter as its dropout says: the training pass. Not together with what was kept without it. */
  dropout?: ForwardDropout
}

/** What decides which numbers dropout leaves out. */
export interface ForwardDropout {
  /** Of this pass. */
  readonly key: number
  /** Of each token: tokens with the same key lose the same numbers. */
  readonly tokenKeys: Int32Array // [N]
}

/**
 * Hidden states of a packed batch after the final norm: the decoder of Llama, Qwen2, Qwen3 and SmolLM3.
 *
 * x ← x + o(attention(rope(norm(q(n))), rope(norm(k(n))), v(n))) with n = rmsNorm(x), then
 * x ← x + down(silu(gate(n)) · up(n)) with n = rmsNorm(x), for each layer.
 *
 * With a cache, the batch's keys and values are written to their slots first, and attention reads the cache.
 */
export function decode(
  config: ModelConfig,
  weights: DecoderWeights,
  adapter: LoraTensors | null,
  batch: PackedBatch,
  options: ForwardOptions = {},
): tf.Tensor2D /* [N, hidden] */ {
  const { cache, recomputeLayers = false } = options
  const { tokenIds, positions } = batch
  const last = checkBatch(config, batch, cache !== undefined)
  return tf.tidy(() => {
    const tables = ropeTables(config.rope, config.headDim, positions, last + 1)
    const shape: [number, number] = [positions.length, config.headDim / 2]
    const rotaryTables = (): RotaryTables => ({
      cos: tf.tensor2d(tables.cos, shape),
      sin: tf.tensor2d(tables.sin, shape),
    })
    const shared = rotaryTables()
    let x = embed(weights.embedding, tokenIds)
    for (const [index, layer] of weights.layers.entries()) {
      const before = x
      const asOne = layerAsOne(config, layer, index, adapter, batch, options)
      const compute = (input: tf.Tensor2D, rotary: RotaryTables): tf.Tensor2D =>
        asOne?.(input, rotary) ?? composedLayer(config, layer, index, adapter, input, rotary, batch, options)
      x = tf.tidy(() => {
        if (!recomputeLayers) return compute(before, shared)
        // When the layer is computed again, the tables of this forward pass are gone.
        return recompute((input) => compute(input, rotaryTables()), before, layerVariables(layer, adapter, index))
      })
      before.dispose()
    }
    return rmsNorm(x, weights.finalNorm, config.rmsNormEpsilon)
  })
}

/**
 * Checks that a batch fits together and into the model; returns its last position, −1 for no tokens.
 * @throws ShapeError or ConfigError
 */
export function checkBatch(config: ModelConfig, batch: PackedBatch, hasCache: boolean): number {
  const { tokenIds, positions, slots } = batch
  if (positions.length !== tokenIds.length) {
    throw new ShapeError(`a packed batch has ${tokenIds.length} tokens but ${positions.length} positions`)
  }
  if (hasCache && slots?.length !== tokenIds.length) {
    throw new ShapeError(`with a cache each of the ${tokenIds.length} tokens needs a slot, got ${slots?.length ?? 0}`)
  }
  const last = positions.reduce((max, position) => Math.max(max, position), -1)
  if (last >= config.maxPositions) throw tooLongSequence(last + 1, config.maxPositions)
  return last
}

/** What the rotary embedding turns by, [N, headDim / 2]. */
interface RotaryTables {
  readonly cos: tf.Tensor2D
  readonly sin: tf.Tensor2D
}

/** The trainable tensors of one layer. */
function layerVariables(layer: DecoderLayer, adapter: LoraTensors | null, index: number): tf.Variable[] {
  const { inputNorm, postAttentionNorm, queryNorm, keyNorm } = layer
  const matrices = Object.values(layer.projections).flatMap(({ weight, bias }) => [plainWeight(weight), bias])
  const own: (tf.Tensor | null)[] = [inputNorm, postAttentionNorm, queryNorm, keyNorm, ...matrices]
  const entries = (adapter?.entries ?? []).filter((entry) => entry.layer === index)
  return [
    ...own.filter((tensor): tensor is tf.Variable => tensor instanceof tf.Variable),
    ...entries.flatMap(({ a, b }) => [a, b]),
  ]
}

/** A layer as one op of the backend; null where there is none for it. */
function layerAsOne(
  config: ModelConfig,
  layer: DecoderLayer,
  index: number,
  adapter: LoraTensors | null,
  batch: PackedBatch,
  { cache, keep, kept, dropout }: ForwardOptions,
): ((x: tf.Tensor2D /* [N, hidden] */, rotary: RotaryTables) => tf.Tensor2D) | null {
  if (cache || keep || dropout) return null
  const linears = byLinear((projection) => ({
    ...layer.projections[projection],
    lora: adapter?.entry(index, projection) ?? null,
  }))
  const weights: LayerWeights = { ...layer, linears }
  if (!hasDecoderLayer(weights)) return null
  const options = {
    segments: batch.segments,
    numHeads: config.numHeads,
    numKeyValueHeads: config.numKeyValueHeads,
    epsilon: config.rmsNormEpsilon,
    isRotated: config.ropeLayers[index]!,
    keyRows: batch.keyRows ?? null,
    known: kept
      ? { tables: byLinear((projection) => kept.projections.table(index, projection)), rows: kept.rows }
      : null,
  }
  return (x, { cos, sin }) => decoderLayer(x, cos, sin, weights, options)
}

/** Something of each linear layer, from its projection. */
function byLinear<Value>(of: (projection: Projection) => Value): Record<LayerLinear, Value> {
  return Object.fromEntries(layerLinears.map((name) => [name, of(`${name}_proj`)])) as Record<LayerLinear, Value>
}

/** A layer of single ops: every backend has it, and it can do all that is asked for. */
function composedLayer(
  config: ModelConfig,
  layer: DecoderLayer,
  index: number,
  adapter: LoraTensors | null,
  x: tf.Tensor2D, // [N, hidden]
  rotary: RotaryTables,
  batch: PackedBatch,
  { cache, keep, kept, dropout }: ForwardOptions,
): tf.Tensor2D {
  const { numHeads, numKeyValueHeads, headDim, rmsNormEpsilon } = config
  const project = (projection: Projection, input: tf.Tensor2D): tf.Tensor2D => {
    const { weight, bias } = layer.projections[projection]
    const update = adapter?.entry(index, projection) ?? null
    const probability = adapter?.parameters.dropout
    const mask = dropout && probability ? projectionMask(probability, dropout, index, projection) : null
    const term = update && mask ? { ...update, x: dropoutOp(input, mask) } : update
    const known = kept?.projections.read(index, projection, kept.rows) ?? null
    const output = linear(input, weight, bias, term, known)
    keep?.projections.write(index, projection, output, keep.rows)
    return output
  }
  /** Norm of each head where the model has one, then the rotary embedding where the layer has one. */
  const place = (heads: tf.Tensor2D, norm: tf.Tensor1D | null): tf.Tensor2D => {
    const normed = norm
      ? tf.reshape<tf.Rank.R2>(rmsNorm(tf.reshape(heads, [-1, headDim]), norm, rmsNormEpsilon), heads.shape)
      : heads
    return config.ropeLayers[index] ? rope(normed, rotary.cos, rotary.sin) : normed
  }

  const normed = rmsNorm(x, layer.inputNorm, rmsNormEpsilon)
  const queries = place(project('q_proj', normed), layer.queryNorm)
  let keys = place(project('k_proj', normed), layer.keyNorm)
  let values = project('v_proj', normed)
  if (cache && batch.slots) ({ keys, values } = cache.append(index, keys, values, batch.slots, batch.slotCopies))
  else if (batch.keyRows) [keys, values] = [selectRows(keys, batch.keyRows), selectRows(values, batch.keyRows)]
  const mixed = attention(queries, keys, values, { segments: batch.segments, numHeads, numKeyValueHeads })
  const attended = tf.add<tf.Tensor2D>(x, project('o_proj', mixed))

  const mlpInput = rmsNorm(attended, layer.postAttentionNorm, rmsNormEpsilon)
  const activated = swiglu(project('gate_proj', mlpInput), project('up_proj', mlpInput))
  return tf.add(attended, project('down_proj', activated))
}

/** Which numbers dropout leaves out before the A of one projection: each has a mask of its own, as in PEFT. */
export function projectionMask(
  probability: number,
  { key, tokenKeys }: ForwardDropout,
  layer: number,
  projection: Projection,
): DropoutMask {
  const place = 1 + layer * projections.length + projections.indexOf(projection)
  return { probability, rowKeys: tokenKeys, key: mix(key ^ mix(place)) }
}
