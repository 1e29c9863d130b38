import * as hlo from '../graph/operations.js'
import type { Node } from '../graph/node.js'
import { printProgram } from '../graph/print.js'
import type { Program } from '../runtime/runner.js'
import { batchIds, batchRotary, batchTypes, ownRows, tokensOf } from './batch.js'
import type { BatchArrays, BatchShape } from './batch.js'
import { adapterTypes, decoderTypes, listAdapter, listDecoder, mapAdapter, mapDecoder } from './decoderArrays.js'
import type { AdapterArrays, DecoderArrays } from './decoderArrays.js'
import { decoderLayer, multiplier, rmsNorm } from './decoderLayer.js'
import type { LayerInputs, ProgramModel } from './decoderLayer.js'
import { dropoutTypes, layerDropout } from './dropout.js'
import type { DropoutArrays } from './dropout.js'
import { groupAttention } from './groupAttention.js'
import { forLayers, layerOf, rotaryOf } from './layerLoop.js'
import { mapValues } from './mapValues.js'
import { tokenLogProbs } from './tokenLogProbs.js'
import { dequantized } from './quantizedProducts.js'
import type { ArrayType } from '../types.js'
import { isQuantizedArrays, mapQuantized } from './weightArrays.js'

/** What programs over whole sequences are made for. */
export interface SequenceProgram {
  readonly model: ProgramModel
  readonly shape: BatchShape
  /** Ranks of the adapted modules; null without an adapter. */
  readonly ranks: Readonly<Partial<Record<string, number>>> | null
  readonly hasDropout: boolean
  /** Rows whose logits exist at one time; a divisor of the rows' own tokens. */
  readonly logitRows: number
}

/** The arguments of programs over whole sequences. */
export interface SequenceArguments {
  readonly decoder: DecoderArrays<Node>
  readonly adapter: AdapterArrays<Node> | null
  readonly batch: BatchArrays<Node>
  readonly temperature: Node // []
  readonly dropout: DropoutArrays<Node> | null
  /** All of them, in the order in which they are handed over. */
  readonly list: readonly Node[]
}

/** Declares the arguments. */
export function declareArguments({ model, shape, ranks, hasDropout }: SequenceProgram): SequenceArguments {
  const declare = ({ dtype, shape: size }: ArrayType): Node => hlo.argument(dtype, size)
  const { config, weightType, formats } = model
  const decoder = mapDecoder(decoderTypes(config, weightType, formats), declare)
  const adapter = ranks && mapAdapter(adapterTypes(config, ranks), declare)
  const batch = mapValues(batchTypes(config, shape), declare)
  const temperature = hlo.argument('f32', [])
  const dropout = hasDropout ? mapValues(dropoutTypes(tokensOf(shape), config.numLayers), declare) : null
  const list = [
    ...listDecoder(decoder),
    ...(adapter ? listAdapter(adapter) : []),
    ...Object.values(batch),
    temperature,
    ...(dropout ? Object.values(dropout) : []),
  ] as Node[]
  return { decoder, adapter, batch, temperature, dropout, list }
}

/** What a layer of a batch computes with, apart from its weights. */
export function layerInputs(
  { model, shape }: SequenceProgram,
  { decoder, adapter, batch, dropout }: SequenceArguments,
): (layer: Node /* i32 */) => LayerInputs {
  const rotary = batchRotary(shape, batch)
  const attend = groupAttention(model, shape, batch.promptLengths)
  return (layer) => ({
    ...layerOf(decoder.layers, adapter, layer),
    rotary: rotaryOf(model.config, rotary, layer),
    attend,
    dropout: dropout && layerDropout(dropout, layer),
  })
}

/**
 * Log-probabilities and entropies of the tokens that rows consist of. With `keep`, also what the gradient starts from: the input of
 * every layer, and what the last one gave.
 * Results: log-probabilities and entropies, each [groups, rows, tokens]; with `keep` [L, N, D] and [rows' own tokens, D].
 */
export function forwardProgram(program: SequenceProgram, { keep }: { keep: boolean }): Program {
  const { model, shape, logitRows } = program
  const { config } = model
  const given = declareArguments(program)
  const { decoder, batch, temperature } = given
  const inputsOf = layerInputs(program, given)
  const start = embed(decoder, batchIds(batch))
  const kept = keep ? [hlo.constant(0, 'f32', [config.numLayers, ...start.shape])] : []
  const [last, ...inputs] = forLayers(config, [start, ...kept], (layer, [x, stack]) => [
    decoderLayer(model, x!, inputsOf(layer)),
    ...(stack ? [hlo.withEntry(stack, x!, layer)] : []),
  ]) as [Node, ...Node[]]
  const own = ownRows(shape, last)
  const { logProbs, entropies } = tokenLogProbs({
    hidden: rmsNorm(own, decoder.finalNorm, config.rmsNormEpsilon),
    head: decoder.head ?? decoder.embedding,
    targets: hlo.reshape(batch.targets, [own.shape[0]!]),
    temperature,
    chunkRows: logitRows,
    multiply: multiplier(model.weightType),
  })
  const values = [logProbs, entropies].map((value) => hlo.reshape(value, batch.targets.shape))
  return printProgram({
    name: keep ? 'forward' : 'score',
    inputs: given.list,
    outputs: [...values, ...inputs, ...(keep ? [own] : [])],
  })
}

/** Embeddings of tokens, in float32. */
export function embed({ embedding }: Pick<DecoderArrays<Node>, 'embedding'>, ids: Node /* [N] */): Node /* [N, D] */ {
  const rows = (table: Node): Node => hlo.takeRows(table, ids)
  if (isQuantizedArrays(embedding)) return dequantized(mapQuantized(embedding, rows))
  return hlo.convert(rows(embedding), 'f32')
}
