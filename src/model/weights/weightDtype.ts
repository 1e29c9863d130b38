import { ConfigError } from '../../errors.js'
import { quantizedSource, widenedSource } from '../../quantization/matrixSource.js'
import type { MatrixSource } from '../../quantization/matrixSource.js'
import { integerFormat, quantizedDtypes, sameFormat } from '../../quantization/weightFormat.js'
import type { ModelWeights } from './modelWeights.js'

/**
 * What a model's matrices are kept in: `auto` as they are stored, `float32` widened, `int8` and `int4` quantised while they are loaded,
 * where embeddings and output head have 8 bits in both cases.
 */
export const weightDtypes = ['auto', 'float32', ...quantizedDtypes] as const
export type WeightDtype = (typeof weightDtypes)[number]

/** A matrix of a model in the wanted format. Throws a ConfigError for what is quantised already, and otherwise than it should be. */
export function matrixAs(weights: ModelWeights, name: string, dtype: WeightDtype): MatrixSource {
  const matrix = weights.matrix(name)
  if (dtype === 'auto') return matrix
  if (dtype === 'float32') return widenedSource(matrix)
  const wanted = quantizedDtypeOf(name, dtype)
  if (weights.quantization !== null) {
    // A quantised copy is what the same dtype makes of the original, such as the one that a run or its adapter was trained with.
    if (sameFormat(matrix.format, integerFormat(wanted))) return matrix
    throw new ConfigError(
      `dtype is '${dtype}', but the weights in ${weights.source} are quantised already: ${weights.quantization}; take dtype auto, or ` +
        'the model that they were made from',
    )
  }
  return quantizedSource(matrix, wanted)
}

/** Embeddings and the output head lose more than they save at 4 bits. */
export function quantizedDtypeOf(name: string, dtype: 'int8' | 'int4'): 'int8' | 'int4' {
  return isEmbedding(name) ? 'int8' : dtype
}

/** Whether a matrix has a row for each token: the embeddings, or an output head of its own. */
export function isEmbedding(name: string): boolean {
  return name === 'model.embed_tokens.weight' || name === 'lm_head.weight'
}
