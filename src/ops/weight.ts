import * as tf from '../bundled/tfjs.js'
import { ShapeError } from '../errors.js'
import { forEachPiece, sourceOf, widenRows } from '../quantization/matrixSource.js'
import type { MatrixSource } from '../quantization/matrixSource.js'
import type { WeightFormat } from '../quantization/weightFormat.js'
import { hasKernel, runKernel } from './kernel.js'

/** A matrix of a model, in the layout of the backend that it was made on; frozen unless it was made by {@link createTrainableWeight}. */
export interface Weight {
  /** As Hugging Face stores it: y = x·Wᵀ. */
  readonly shape: readonly [out: number, width: number]
  /** How it is kept in memory: as it was read where the backend has kernels for that. */
  readonly format: WeightFormat
  dispose(): void
}

/** A weight as the ops see it. */
export interface PackedWeight extends Weight {
  /** float32 [out, in], or whatever the backend's kernel `PackWeight` made of it. */
  readonly tensor: tf.Tensor
  /** What codes are turned into numbers with, as `PackWeight` laid it out; null where the tensor holds numbers. */
  readonly scaling: tf.Tensor | null
}

/**
 * A weight whose values are trained: a variable, which lies in memory as Hugging Face stores it, so that its gradient and the
 * optimizer see it as it is. Disposing the weight disposes the variable.
 */
export function createTrainableWeight(variable: tf.Variable<tf.Rank.R2> /* [out, in] */): Weight {
  const weight: PackedWeight = {
    shape: variable.shape,
    format: 'float32',
    tensor: variable,
    scaling: null,
    dispose: () => {
      variable.dispose()
    },
  }
  return weight
}

/** Whether a weight has a gradient. */
export function isTrainable(weight: Weight): boolean {
  return (weight as PackedWeight).tensor instanceof tf.Variable
}

/** Makes a weight [out, in] from float32 values or bfloat16 bits. It lives until it is disposed, whatever tidy it is made in. */
export function createWeight(shape: readonly [out: number, width: number], values: Float32Array | Uint16Array): Weight {
  if (values.length !== shape[0] * shape[1]) {
    throw new ShapeError(`a weight of shape [${shape.join(', ')}] got ${values.length} values`)
  }
  return readWeight(sourceOf(shape, values))
}

/**
 * Makes a weight [out, in] from what is read piece by piece. It stays as it is read where the backend has kernels for that, else it
 * becomes float32.
 */
export function readWeight(source: MatrixSource): Weight {
  const { shape } = source
  const packs = hasKernel('PackWeight')
  const packed = packs ? runKernel<tf.Tensor | tf.Tensor[]>('PackWeight', {}, { source }) : widenedTensor(source)
  const tensors = [packed].flat()
  for (const tensor of tensors) tf.keep(tensor)
  const weight: PackedWeight = {
    shape,
    format: packs ? source.format : 'float32',
    tensor: tensors[0]!,
    scaling: tensors[1] ?? null,
    dispose: () => {
      tf.dispose(tensors)
    },
  }
  return weight
}

function widenedTensor(source: MatrixSource): tf.Tensor2D {
  const [out, width] = source.shape
  const values = new Float32Array(out * width)
  forEachPiece(source, (rows, first) => {
    values.set(widenRows(rows), first * width)
  })
  return tf.tensor2d(values, [out, width])
}

/** The tensor of a weight that is stored as it is: of a trainable one, and of any on a backend without kernels of its own. */
export function plainWeight(weight: Weight): tf.Tensor2D {
  return (weight as PackedWeight).tensor as tf.Tensor2D
}
