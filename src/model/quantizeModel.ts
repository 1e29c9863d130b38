import path from 'node:path'
import { ConfigError, FileFormatError } from '../errors.js'
import { atomicWriteJson } from '../io/atomicWrite.js'
import { quote } from '../io/json.js'
import { checkNewFolder, writeNewFolder } from '../io/newFolder.js'
import { writeShardedSafetensors } from '../io/safetensorsWriter.js'
import type { TensorToWrite } from '../io/safetensorsWriter.js'
import { forEachPiece, quantizedSource } from '../quantization/matrixSource.js'
import type { MatrixSource } from '../quantization/matrixSource.js'
import { quantizedMatrix } from '../quantization/quantizedMatrix.js'
import type { QuantizedMatrix } from '../quantization/quantizedMatrix.js'
import { codeBytes, formatBytes, groupsOf, integerFormat, quantizedDtypes } from '../quantization/weightFormat.js'
import type { QuantizedDtype, QuantizedFormat } from '../quantization/weightFormat.js'
import type { ModelConfig } from './config.js'
import { copyOtherFiles } from './modelFolder.js'
import { expectedTensors } from './modelTensors.js'
import type { QuantizedCopyJson } from './quantizationConfig.js'
import { quantizedCopy } from './quantizedCopy.js'
import { readModel } from './readModel.js'
import type { LoadProgress } from './weights/forEachTensor.js'
import type { ModelWeights } from './weights/modelWeights.js'
import { openModelWeights } from './weights/openModelWeights.js'
import { scaleName } from './weights/quantizedCopyWeights.js'
import { quantizedDtypeOf } from './weights/weightDtype.js'

/** Inputs that may have a scale in common. */
export const groupSizes = [32, 64, 128] as const

/** Which model is quantised, how, and where to. */
export interface QuantizeOptions {
  /** Folder of the model in Hugging Face's layout, or a GGUF file without quantised tensors. */
  model: string
  /** Folder for the copy; made where it is missing, else it has to be empty. */
  output: string
  /** Bits of the weights of the layers; embeddings and output head have 8 in both cases. */
  dtype: QuantizedDtype
  /** Inputs that have a scale in common. Defaults to 32 for int4, where embeddings have groups of 64 all the same, and to 64 for int8. */
  groupSize?: (typeof groupSizes)[number]
  /** What the copy names as the model that it was made from. Defaults to `model`. */
  baseModel?: string
  /** Largest size of a file of weights in bytes. Defaults to 5e9. */
  maxShardBytes?: number
  /** Ends the quantising between two tensors with the reason of the signal; nothing is left behind. */
  signal?: AbortSignal
  /** Told how many bytes of the model were read. Defaults to nobody. */
  onProgress?: (progress: LoadProgress) => void
}

/** What the weights of a model take before and after. */
export interface QuantizedSizes {
  /** Bytes of the model's weights. */
  readonly originalBytes: number
  /** Bytes of the copy's. */
  readonly bytes: number
}

/**
 * Writes a copy of a model with quantised weights, in Hugging Face's layout with all of its tokenizer files: `loadModel` reads it
 * without quantising anything, and has the very weights that it has with the same dtype from the original. For each matrix there are
 * its codes, `….weight` (I8 [out, in], or U8 [out, ⌈in / 2⌉] with the even inputs in the lower halves), and its scales,
 * `….weight_scale` (F32 [out, groups]). One matrix is in memory at a time. The folder appears when it is complete.
 * @throws FileFormatError, UnsupportedError for files that cannot be read, ConfigError for an output folder that is not empty and for a
 *   model that is quantised already, GrpoError when the disk is full or a weight is not a finite number
 */
export async function quantizeModel(options: QuantizeOptions): Promise<QuantizedSizes> {
  const { model, output, maxShardBytes = 5e9, signal } = options
  checkOptions(options)
  checkNewFolder(output)
  const found = readModel(model)
  if (found === null) {
    throw new FileFormatError(model, "holds no config.json; expected the folder of a model in Hugging Face's layout")
  }
  const weights = openModelWeights(found.source, found.config)
  try {
    checkNotQuantized(model, weights)
    const tensors = copyTensors(found.config, weights, options)
    await writeNewFolder(output, async (staging) => {
      copyOtherFiles(model, staging)
      atomicWriteJson(path.join(staging, 'config.json'), {
        ...found.config.raw,
        quantization_config: describeCopy(options),
      })
      await writeShardedSafetensors(staging, tensors, { maxShardBytes, signal, order: 'given' })
    })
    return { originalBytes: originalBytes(found.config, weights), bytes: copyBytes(found.config, options) }
  } finally {
    weights.close()
  }
}

function checkOptions({ dtype, groupSize }: QuantizeOptions): void {
  if (!quantizedDtypes.includes(dtype)) {
    throw new ConfigError(`dtype is ${quote(dtype)}; expected one of ${quantizedDtypes.join(', ')}`)
  }
  if (groupSize === undefined || groupSizes.includes(groupSize)) return
  throw new ConfigError(`groupSize is ${quote(groupSize)}; expected one of ${groupSizes.join(', ')}`)
}

function checkNotQuantized(model: string, { quantization }: ModelWeights): void {
  if (quantization === null) return
  const original = quantizedCopy(model)?.original ?? null
  throw new ConfigError(
    `the weights in ${model} are quantised already (${quantization}), and what that has lost would be lost twice; quantise the model ` +
      `that they were made from${original === null ? '' : `: ${quote(original)}`}`,
  )
}

function describeCopy({ dtype, groupSize, baseModel, model }: QuantizeOptions): QuantizedCopyJson {
  const layers = formatOf('', dtype, groupSize)
  const embeddings = formatOf('lm_head.weight', dtype, groupSize)
  return {
    quant_method: 'grpo-ts',
    bits: layers.bits,
    group_size: layers.groupSize,
    embeddings_bits: embeddings.bits,
    embeddings_group_size: embeddings.groupSize,
    base_model: baseModel ?? model,
  }
}

function formatOf(name: string, dtype: QuantizedDtype, groupSize: number | undefined): QuantizedFormat {
  const own = quantizedDtypeOf(name, dtype)
  return integerFormat(own, own === dtype ? groupSize : undefined)
}

/** Codes and scales of every matrix, and the vectors as they are. */
function copyTensors(config: ModelConfig, weights: ModelWeights, options: QuantizeOptions): TensorToWrite[] {
  const { dtype, groupSize } = options
  const progress = readingProgress(config, weights, options.onProgress)
  return [...expectedTensors(config)].flatMap(([name, shape]): TensorToWrite[] => {
    if (shape.length === 1) return [{ name, dtype: 'F32', shape, data: () => weights.vector(name) }]
    const format = formatOf(name, dtype, groupSize)
    const [out, width] = shape as [number, number]
    let scales = new Float32Array(0)
    const codes = (): Uint8Array => {
      const own = quantizedDtypeOf(name, dtype)
      const matrix = readWhole(quantizedSource(weights.matrix(name), own, format.groupSize), progress)
      scales = matrix.scales as Float32Array<ArrayBuffer>
      return matrix.codes
    }
    const codesDtype = format.bits === 8 ? 'I8' : 'U8'
    return [
      { name, dtype: codesDtype, shape: [out, codeBytes(width, format)], data: codes },
      // Written behind the codes, which they were computed with.
      {
        name: scaleName(name),
        dtype: 'F32',
        shape: [out, groupsOf(width, format)],
        data: () => {
          const own = scales
          scales = new Float32Array(0)
          return own
        },
      },
    ]
  })
}

function readWhole(source: MatrixSource, progress: (bytes: number) => void): QuantizedMatrix {
  const [out] = source.shape
  const matrix = quantizedMatrix(source.shape, source.format as QuantizedFormat)
  const rowBytes = matrix.codes.length / out
  const groups = matrix.scales.length / out
  forEachPiece(source, (rows, first, count) => {
    const { codes, scales } = rows as QuantizedMatrix
    matrix.codes.set(codes, first * rowBytes)
    matrix.scales.set(scales, first * groups)
    progress((source.storedBytes * count) / out)
  })
  return matrix
}

/** Adds up what was read. */
function readingProgress(
  config: ModelConfig,
  weights: ModelWeights,
  onProgress: QuantizeOptions['onProgress'],
): (bytes: number) => void {
  const totalBytes = originalBytes(config, weights)
  let bytes = 0
  return (more) => {
    bytes += more
    onProgress?.({ bytes, totalBytes })
  }
}

function originalBytes(config: ModelConfig, weights: ModelWeights): number {
  return sumOfTensors(config, (name) => weights.matrix(name).storedBytes)
}

function copyBytes(config: ModelConfig, { dtype, groupSize }: QuantizeOptions): number {
  return sumOfTensors(config, (name, shape) => formatBytes(shape, formatOf(name, dtype, groupSize)))
}

/** Bytes of all matrices by a function, and of all vectors in float32. */
function sumOfTensors(config: ModelConfig, matrixBytes: (name: string, shape: [number, number]) => number): number {
  return [...expectedTensors(config)].reduce(
    (sum, [name, shape]) => sum + (shape.length === 2 ? matrixBytes(name, shape as [number, number]) : shape[0]! * 4),
    0,
  )
}
