import { FileFormatError } from '../errors.js'
import { quote } from '../io/json.js'
import { listProblems } from '../io/jsonFields.js'
import { forEachPiece, widenRows } from '../quantization/matrixSource.js'
import { sameFormat } from '../quantization/weightFormat.js'
import type { ModelConfig } from './config.js'
import type { ModelWeights } from './weights/modelWeights.js'

/** The linear layers inside a decoder layer, in the order in which they are computed. */
export const projections = ['q_proj', 'k_proj', 'v_proj', 'o_proj', 'gate_proj', 'up_proj', 'down_proj'] as const

export type Projection = (typeof projections)[number]

/** The module's name in the model, e.g. model.layers.0.self_attn.q_proj. */
export function projectionName(layer: number, projection: Projection): string {
  const block =
    projection === 'gate_proj' || projection === 'up_proj' || projection === 'down_proj' ? 'mlp' : 'self_attn'
  return `model.layers.${layer}.${block}.${projection}`
}

/** The shape of the projection's weight, [out, in]. */
export function projectionShape(config: ModelConfig, projection: Projection): [number, number] {
  const { hiddenSize, intermediateSize, headDim } = config
  switch (projection) {
    case 'q_proj':
      return [config.numHeads * headDim, hiddenSize]
    case 'k_proj':
    case 'v_proj':
      return [config.numKeyValueHeads * headDim, hiddenSize]
    case 'o_proj':
      return [hiddenSize, config.numHeads * headDim]
    case 'gate_proj':
    case 'up_proj':
      return [intermediateSize, hiddenSize]
    case 'down_proj':
      return [hiddenSize, intermediateSize]
  }
}

function hasBias(config: ModelConfig, projection: Projection): boolean {
  switch (projection) {
    case 'q_proj':
    case 'k_proj':
    case 'v_proj':
      return config.attentionBias.queryKeyValue
    case 'o_proj':
      return config.attentionBias.output
    default:
      return config.mlpBias
  }
}

/** Name and shape, as stored, of every tensor that a model of this config has; a tied model has no lm_head.weight. */
export function expectedTensors(config: ModelConfig): Map<string, number[]> {
  const { hiddenSize, vocabularySize } = config
  const tensors = new Map<string, number[]>([['model.embed_tokens.weight', [vocabularySize, hiddenSize]]])
  for (let layer = 0; layer < config.numLayers; layer++) {
    for (const projection of projections) {
      const shape = projectionShape(config, projection)
      tensors.set(`${projectionName(layer, projection)}.weight`, shape)
      if (hasBias(config, projection)) tensors.set(`${projectionName(layer, projection)}.bias`, [shape[0]])
    }
    if (config.queryKeyNorm) {
      tensors.set(`model.layers.${layer}.self_attn.q_norm.weight`, [config.headDim])
      tensors.set(`model.layers.${layer}.self_attn.k_norm.weight`, [config.headDim])
    }
    tensors.set(`model.layers.${layer}.input_layernorm.weight`, [hiddenSize])
    tensors.set(`model.layers.${layer}.post_attention_layernorm.weight`, [hiddenSize])
  }
  tensors.set('model.norm.weight', [hiddenSize])
  if (!config.tieWordEmbeddings) tensors.set('lm_head.weight', [vocabularySize, hiddenSize])
  return tensors
}

/**
 * Throws a FileFormatError that lists missing, surplus and wrongly shaped tensors among the `available` ones (name →
 * shape). Buffers `*.rotary_emb.inv_freq`, which old files hold, may be present, and in a tied model lm_head.weight
 * (see {@link checkTiedOutputHead}).
 */
export function checkTensors(
  config: ModelConfig,
  available: ReadonlyMap<string, readonly number[]>,
  file: string,
): void {
  const mayBeStored = (name: string) =>
    name.endsWith('.rotary_emb.inv_freq') || (config.tieWordEmbeddings && name === 'lm_head.weight')
  const stored = new Map([...available].filter(([name]) => !mayBeStored(name)))
  const problems = tensorProblems(expectedTensors(config), stored)
  if (problems.length === 0) return
  throw new FileFormatError(
    file,
    `the tensors are not those of the ${config.architecture} that the config describes: ${listProblems(problems)}`,
  )
}

/** What is missing, wrongly shaped or surplus among the `available` tensors (name → shape), a sentence each. */
export function tensorProblems(
  expected: ReadonlyMap<string, readonly number[]>,
  available: ReadonlyMap<string, readonly number[]>,
): string[] {
  const problems: string[] = []
  for (const [name, shape] of expected) {
    const found = available.get(name)
    if (found === undefined) problems.push(`${name} is missing`)
    else if (found.join() !== shape.join()) {
      problems.push(`${name} has shape [${found.join(', ')}], expected [${shape.join(', ')}]`)
    }
  }
  for (const name of available.keys()) {
    if (!expected.has(name)) problems.push(`${quote(name)} is surplus`)
  }
  return problems
}

/**
 * Throws a FileFormatError when a tied model's file also holds an lm_head.weight with other values than the
 * embedding: transformers 5 then takes the model as untied, older versions ignored the tensor, so the file does not
 * say which it is.
 */
export function checkTiedOutputHead(config: ModelConfig, weights: ModelWeights): void {
  if (!config.tieWordEmbeddings || !weights.shapes.has('lm_head.weight')) return
  const name = 'model.embed_tokens.weight'
  const [embedding, head] = [weights.matrix(name), weights.matrix('lm_head.weight')]
  let isEqual = sameFormat(embedding.format, head.format) && embedding.shape.join() === head.shape.join()
  forEachPiece(embedding, (rows, first, count) => {
    isEqual &&= sameValues(widenRows(rows), widenRows(head.read(first, count)))
  })
  if (isEqual) return
  throw new FileFormatError(
    weights.source,
    `lm_head.weight differs from ${name}, but config.json says that they are tied; ` +
      'set tie_word_embeddings to false to use both',
  )
}

function sameValues(a: Float32Array, b: Float32Array): boolean {
  const bytes = ({ buffer, byteOffset, byteLength }: Float32Array): Uint8Array =>
    new Uint8Array(buffer, byteOffset, byteLength)
  return Buffer.compare(bytes(a), bytes(b)) === 0
}
