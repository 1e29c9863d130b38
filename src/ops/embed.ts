import * as tf from '../bundled/tfjs.js'
import { ShapeError } from '../errors.js'
import { hasKernel, runKernel } from './kernel.js'
import { selectRows } from './selectRows.js'
import { isTrainable, plainWeight } from './weight.js'
import type { Weight } from './weight.js'

/**
 * Embedding: row `ids[i]` of the weight, as float32. Only a trainable weight gets a gradient: each row the sum over its uses.
 * @throws ShapeError when an id is not a row of the weight
 */
export function embed(
  weight: Weight, // [V, D]
  ids: Int32Array, // [N]
): tf.Tensor2D /* [N, D] */ {
  checkTokenIds(ids, weight.shape[0])
  if (isTrainable(weight)) return selectRows(plainWeight(weight), ids)
  if (hasKernel('WeightRows')) return runKernel<tf.Tensor2D>('WeightRows', {}, { ids }, { weight })
  return embedReference(weight, ids)
}

/** Throws a ShapeError when an id is outside the vocabulary. */
export function checkTokenIds(ids: Int32Array | readonly number[], vocabulary: number): void {
  const bad = ids.find((id) => !(Number.isInteger(id) && id >= 0 && id < vocabulary))
  if (bad === undefined) return
  throw new ShapeError(
    `token id ${bad} is outside the model's vocabulary of ${vocabulary}; is this the model's own tokenizer?`,
  )
}

/** {@link embed} from plain tfjs ops. */
function embedReference(weight: Weight, ids: Int32Array): tf.Tensor2D {
  return tf.gather(plainWeight(weight), tf.tensor1d(ids, 'int32'))
}
