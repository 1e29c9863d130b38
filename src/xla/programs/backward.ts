import { gradients } from '../graph/gradients.js'
import type { Node } from '../graph/node.js'
import * as hlo from '../graph/operations.js'
import { printProgram } from '../graph/print.js'
import type { Program } from '../runtime/runner.js'
import type { ArrayType } from '../types.js'
import { batchIds, tokensOf } from './batch.js'
import { adapterTypes, decoderTypes, listDecoder, listLayers, mapLayers } from './decoderArrays.js'
import { decoderLayer, multiplier, rmsNorm } from './decoderLayer.js'
import type { LayerInputs } from './decoderLayer.js'
import { declareArguments, layerInputs } from './forward.js'
import type { SequenceArguments, SequenceProgram } from './forward.js'
import { forLayersBackwards } from './layerLoop.js'
import { tokenLogProbsGradient } from './tokenLogProbs.js'

/**
 * The gradient of Σ dLogProb · log π + dEntropy · entropy with respect to the adapter or, where there is none, to all weights. Layers
 * are computed again from their inputs, the last one first, so that what exists at one time are the activations of one layer.
 * Beside the arguments of the forward program: what that kept, [L, N, D] and [rows' own tokens, D], and dLogProbs and dEntropies, each
 * [groups, rows, tokens]. Results: {@link gradientTypes}.
 */
export function backwardProgram(program: SequenceProgram): Program {
  const { model, shape } = program
  const { config } = model
  const given = declareArguments(program)
  const { batch } = given
  const tokens = tokensOf(shape)
  const own = shape.groups * shape.rows * shape.tokens
  const inputs = hlo.argument('f32', [config.numLayers, tokens, config.hiddenSize])
  const last = hlo.argument('f32', [own, config.hiddenSize])
  const values = [0, 1].map(() => hlo.argument('f32', batch.targets.shape)) as [Node, Node]

  const head = headGradient(program, given, last, values)
  // Nothing of the prompts' last hidden states is asked for.
  const dLast = hlo.pad(head.dLast, [tokens - own, 0], [0, 0])
  const stacks = layerGradientTypes(program).map(({ dtype, shape: size }) => hlo.constant(0, dtype, size))
  const inputsOf = layerInputs(program, given)
  const [dFirst, ...layers] = forLayersBackwards(config, [dLast, ...stacks], (layer, [dy, ...sums]) => {
    const x = hlo.entryOf(inputs, layer)
    const { computed, trained } = trainedInputs(inputsOf(layer))
    const y = decoderLayer(model, x, computed)
    const [dx, ...ofLayer] = gradients([y], [dy!], [x, ...trained]) as [Node, ...Node[]]
    return [dx, ...sums.map((stack, i) => hlo.withEntry(stack, ofLayer[i]!, layer))]
  }) as [Node, ...Node[]]
  const ends = given.adapter ? [] : [...endGradients(given, head.dHead!, dFirst), head.dFinalNorm]
  return printProgram({
    name: 'backward',
    inputs: [...given.list, inputs, last, ...values],
    outputs: [...ends, ...layers],
  })
}

/**
 * Types of the gradients, in the order of the results: of A and B of each adapted module, [L, …]; without an adapter those of the
 * embedding, the head where it is another one, the final norm, and all arrays of the layers.
 */
export function gradientTypes(program: Pick<SequenceProgram, 'model' | 'ranks'>): ArrayType[] {
  return program.ranks ? layerGradientTypes(program) : listDecoder(decoderTypes(program.model.config, 'f32'))
}

function layerGradientTypes({ model: { config }, ranks }: Pick<SequenceProgram, 'model' | 'ranks'>): ArrayType[] {
  if (ranks) return Object.values(adapterTypes(config, ranks)).flatMap(({ a, b }) => [a, b])
  return listLayers(decoderTypes(config, 'f32').layers)
}

/** What a layer computes with, and those of it whose gradients are wanted; weights that are trained get one in float32. */
function trainedInputs(inputs: LayerInputs): { computed: LayerInputs; trained: Node[] } {
  if (inputs.adapter) {
    return { computed: inputs, trained: Object.values(inputs.adapter).flatMap(({ a, b }) => [a, b]) }
  }
  const weights = mapLayers(inputs.weights, (weight) => hlo.convert(weight, 'f32'))
  return { computed: { ...inputs, weights }, trained: listLayers(weights) }
}

/** Gradients of the output head and the final norm, and of what the last layer gave. */
function headGradient(
  { model, logitRows }: SequenceProgram,
  { decoder, adapter, batch, temperature }: SequenceArguments,
  last: Node, // [own, D]
  [dLogProbs, dEntropies]: readonly [Node, Node], // [groups, rows, tokens]
): { dLast: Node; dFinalNorm: Node; dHead: Node | null } {
  const own = last.shape[0]!
  const hidden = rmsNorm(last, decoder.finalNorm, model.config.rmsNormEpsilon)
  const { dHidden, dHead } = tokenLogProbsGradient(
    {
      hidden,
      head: decoder.head ?? decoder.embedding,
      targets: hlo.reshape(batch.targets, [own]),
      temperature,
      chunkRows: logitRows,
      multiply: multiplier(model.weightType),
    },
    hlo.reshape(dLogProbs, [own]),
    hlo.reshape(dEntropies, [own]),
    adapter === null,
  )
  const [dLast, dFinalNorm] = gradients([hidden], [dHidden], [last, decoder.finalNorm]) as [Node, Node]
  return { dLast, dFinalNorm, dHead }
}

/** Gradients of the embedding, and of the head where it is another one. */
function endGradients(
  { decoder, batch }: SequenceArguments,
  dHead: Node, // [V, D]
  dFirst: Node, // [N, D] of the first layer's input
): Node[] {
  const zeros = hlo.constant(0, 'f32', dHead.shape)
  const start = decoder.head ? zeros : dHead
  const dEmbedding = hlo.addRows(start, batchIds(batch), dFirst)
  return decoder.head ? [dEmbedding, dHead] : [dEmbedding]
}
