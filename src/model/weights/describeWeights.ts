import { isQuantized } from '../../quantization/weightFormat.js'
import type { WeightFormat } from '../../quantization/weightFormat.js'
import type { ModelConfig } from '../config.js'
import { expectedTensors } from '../modelTensors.js'
import type { ModelWeights } from './modelWeights.js'
import { isEmbedding, matrixAs } from './weightDtype.js'
import type { WeightDtype } from './weightDtype.js'

/** What the matrices of a model hold, in words: `bfloat16`, `int4, groups of 32, embeddings int8` or, as its files say, `NF4 (bitsandbytes)`. */
export function describeWeights(config: ModelConfig, weights: ModelWeights, dtype: WeightDtype): string {
  if (weights.quantization !== null) return weights.quantization
  const names = [...expectedTensors(config)].filter(([, shape]) => shape.length === 2).map(([name]) => name)
  const wordsOf = (chosen: readonly string[]): string =>
    [...new Set(chosen.map((name) => describeFormat(matrixAs(weights, name, dtype).format)))].join(' and ')
  const layers = wordsOf(names.filter((name) => !isEmbedding(name)))
  const embeddings = wordsOf(names.filter(isEmbedding))
  return joined(layers, embeddings)
}

/** The same of a model whose layers and whose embeddings have one format each. */
export function describeFormats(layers: WeightFormat, embeddings: WeightFormat): string {
  return joined(describeFormat(layers), describeFormat(embeddings))
}

/** Where all is the same it is told once; groups are told of the layers only. */
function joined(layers: string, embeddings: string): string {
  return layers === embeddings ? layers : `${layers}, embeddings ${embeddings.replace(/, groups of \d+/, '')}`
}

/** `bfloat16`, `int8, groups of 64` */
export function describeFormat(format: WeightFormat): string {
  return isQuantized(format) ? `int${format.bits}, groups of ${format.groupSize}` : format
}
