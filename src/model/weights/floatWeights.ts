import { Safetensors } from '../../io/safetensors.js'
import type { MatrixSource } from '../../quantization/matrixSource.js'
import type { ModelWeights } from './modelWeights.js'

/** The weights of a model in Hugging Face's layout, which are not quantised. Throws a FileFormatError. */
export function openFloatWeights(folder: string): ModelWeights {
  const tensors = Safetensors.open(folder)
  return {
    source: folder,
    quantization: null,
    shapes: new Map(tensors.names().map((name) => [name, tensors.info(name).shape])),
    vector: (name) => tensors.readFloat32(name),
    matrix: (name) => floatMatrix(tensors, name),
    close: () => {
      tensors.close()
    },
  }
}

/** A matrix of a safetensors file: bfloat16 stays so, every other float becomes float32. */
export function floatMatrix(tensors: Safetensors, name: string): MatrixSource {
  const { shape, dtype, byteLength } = tensors.info(name)
  const [out, width] = shape as [number, number]
  const isBfloat16 = dtype === 'BF16'
  return {
    name,
    shape: [out, width],
    format: isBfloat16 ? 'bfloat16' : 'float32',
    storedBytes: byteLength,
    read: (first, count) => {
      const range = { first: first * width, count: count * width }
      return isBfloat16 ? tensors.readBfloat16Bits(name, range) : tensors.readFloat32(name, range)
    },
  }
}
