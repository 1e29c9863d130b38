import * as tf from '@tensorflow/tfjs'
import { ShapeError } from '../errors.js'
import { bfloat16ToFloat32 } from '../io/dtypes.js'
import { hasKernel, runKernel } from './kernel.js'

/** A frozen matrix of a model, in the layout of the backend that it was made on. */
export interface Weight {
  /** As Hugging Face stores it: y = x·Wᵀ. */
  readonly shape: readonly [out: number, width: number]
  /** What it takes in memory: bfloat16 weights stay 16 bits wide where the backend has kernels for them. */
  readonly dtype: 'float32' | 'bfloat16'
  dispose(): void
}

/** A weight as the ops see it. */
export interface PackedWeight extends Weight {
  /** float32 [out, in], or whatever the backend's kernel `PackWeight` made of it. */
  readonly tensor: tf.Tensor
}

/** Makes a weight [out, in] from float32 values or bfloat16 bits. It lives until it is disposed, whatever tidy it is made in. */
export function createWeight(shape: readonly [out: number, width: number], values: Float32Array | Uint16Array): Weight {
  if (values.length !== shape[0] * shape[1]) {
    throw new ShapeError(`a weight of shape [${shape.join(', ')}] got ${values.length} values`)
  }
  const packs = hasKernel('PackWeight')
  const tensor = packs
    ? runKernel('PackWeight', {}, { shape, values })
    : tf.tensor2d(values instanceof Float32Array ? values : bfloat16ToFloat32(values), [shape[0], shape[1]])
  tf.keep(tensor)
  const weight: PackedWeight = {
    shape,
    dtype: packs && values instanceof Uint16Array ? 'bfloat16' : 'float32',
    tensor,
    dispose: () => {
      tensor.dispose()
    },
  }
  return weight
}

/** The tensor of a weight on a backend without kernels of its own, where it is stored as it is. */
export function plainWeight(weight: Weight): tf.Tensor2D {
  return (weight as PackedWeight).tensor as tf.Tensor2D
}
