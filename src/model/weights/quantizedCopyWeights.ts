import type { Safetensors } from '../../io/safetensors.js'
import { codeBytes, groupsOf, integerFormat } from '../../quantization/weightFormat.js'
import type { QuantizedFormat } from '../../quantization/weightFormat.js'
import type { ModelConfig } from '../config.js'
import { expectedTensors } from '../modelTensors.js'
import type { QuantizedCopyConfig } from '../quantizationConfig.js'
import { describeFormats } from './describeWeights.js'
import type { ModelWeights } from './modelWeights.js'
import { checkPart, openQuantizedWeights } from './quantizedWeights.js'
import type { StoredMatrix } from './quantizedWeights.js'
import { isEmbedding } from './weightDtype.js'

/** The tensor of the scales of a quantised matrix. */
export function scaleName(name: string): string {
  return `${name}_scale`
}

/** Opens a copy that {@link quantizeModel} has written: codes and scales of each matrix. Throws a FileFormatError. */
export function openQuantizedCopy(
  folder: string,
  config: ModelConfig,
  quantization: QuantizedCopyConfig,
): ModelWeights {
  const { bits, groupSize, embeddingsBits, embeddingsGroupSize } = quantization
  const format = integerFormat(`int${bits}`, groupSize)
  const embeddingsFormat = integerFormat(`int${embeddingsBits}`, embeddingsGroupSize)
  return openQuantizedWeights(
    folder,
    'grpo-ts',
    (tensors) => {
      const matrices = new Map<string, StoredMatrix>()
      for (const [name, shape] of expectedTensors(config)) {
        if (shape.length !== 2 || !tensors.has(name) || !tensors.has(scaleName(name))) continue
        const [out, width] = shape as [number, number]
        matrices.set(name, codedMatrix(tensors, name, [out, width], isEmbedding(name) ? embeddingsFormat : format))
      }
      return matrices
    },
    () => describeFormats(format, embeddingsFormat),
  )
}

function codedMatrix(
  tensors: Safetensors,
  name: string,
  shape: readonly [out: number, width: number],
  format: QuantizedFormat,
): StoredMatrix {
  const [out, width] = shape
  const rowBytes = codeBytes(width, format)
  const groups = groupsOf(width, format)
  const scales = scaleName(name)
  checkPart(tensors, name, format.bits === 8 ? 'I8' : 'U8', [out, rowBytes])
  checkPart(tensors, scales, 'F32', [out, groups])
  return {
    shape,
    parts: [name, scales],
    open: () => ({
      format,
      read: (first, count) => ({
        shape: [count, width],
        format,
        codes: tensors.read(name, { first: first * rowBytes, count: count * rowBytes }),
        scales: tensors.readFloat32(scales, { first: first * groups, count: count * groups }),
        offsets: null,
      }),
    }),
  }
}
