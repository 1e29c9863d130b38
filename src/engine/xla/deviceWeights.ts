import { float32ToBfloat16, float32ToFloat16 } from '../../io/dtypes.js'
import type { ModelConfig } from '../../model/config.js'
import type { ModelParameters } from '../../model/modelParameters.js'
import { expectedTensors } from '../../model/modelTensors.js'
import { loadCounter } from '../../model/weights/forEachTensor.js'
import type { ModelWeights } from '../../model/weights/modelWeights.js'
import { matrixAs } from '../../model/weights/weightDtype.js'
import { commonFormat, convertMatrix } from '../../quantization/commonFormat.js'
import { forEachPiece, widenRows } from '../../quantization/matrixSource.js'
import type { MatrixSource } from '../../quantization/matrixSource.js'
import type { QuantizedMatrix } from '../../quantization/quantizedMatrix.js'
import { codeBytes, groupsOf, isQuantized } from '../../quantization/weightFormat.js'
import type { WeightFormat } from '../../quantization/weightFormat.js'
import { decoderTypes, listDecoder, mapDecoderWeights, matrixNames } from '../../xla/programs/decoderArrays.js'
import type { ArrayName, DecoderArrays, FloatType, MatrixFormats } from '../../xla/programs/decoderArrays.js'
import type { ProgramModel } from '../../xla/programs/decoderLayer.js'
import { isQuantizedArrays, mapQuantized } from '../../xla/programs/weightArrays.js'
import type { QuantizedArrays } from '../../xla/programs/weightArrays.js'
import type { DeviceArray } from '../../xla/runtime/runner.js'
import { bytesOf, hostArray, sizeOf } from '../../xla/types.js'
import type { ArrayType, HostArray } from '../../xla/types.js'
import type { ModelSource } from '../engine.js'
import type { Device } from './device.js'
import { tensorNames } from './tensorNames.js'

/** Which of a model's matrices stay quantised on the device. */
export function matrixFormats(
  config: ModelConfig,
  /** Of a tensor. */
  formatOf: (name: string) => WeightFormat,
): MatrixFormats {
  const entries = matrixNames.flatMap((array) => {
    const formats = array === 'head' && config.tieWordEmbeddings ? [] : tensorNames(config, array).map(formatOf)
    // What lies in one array has one format; where there is none that holds all of it, it is widened.
    const common = formats.every(isQuantized) ? commonFormat(formats) : null
    return common ? [[array, common] as const] : []
  })
  return Object.fromEntries(entries)
}

/**
 * Reads a model's weights and copies them to the device, one array of all layers at a time.
 * @throws FileFormatError when tensors are missing, surplus or of another shape than the config says; OutOfDeviceMemoryError
 */
export function loadWeights(
  device: Device,
  { config, dtype, onProgress }: Pick<ModelSource, 'config' | 'dtype' | 'onProgress'>,
  weights: ModelWeights,
  weightType: FloatType,
): { readonly decoder: DecoderArrays<DeviceArray>; readonly formats: MatrixFormats } {
  const formats = matrixFormats(config, (name) => matrixAs(weights, name, dtype).format)
  const decoder = uploadWeights(
    device,
    { config, weightType, formats },
    {
      write: (name, to) => {
        if (weights.shapes.get(name)!.length === 1) {
          to.set(weights.vector(name))
          return
        }
        const matrix = matrixAs(weights, name, dtype)
        forEachPiece(matrix, (rows, first) => {
          const isStored = to instanceof Uint16Array && weightType === 'bf16' && rows instanceof Uint16Array
          to.set(isStored ? rows : rounded(widenRows(rows), to, weightType), first * matrix.shape[1])
        })
      },
      writeCodes: (name, to, firstRow) => {
        writeCodes(matrixAs(weights, name, dtype), to, firstRow)
      },
      written: loadCounter(config, weights, onProgress),
    },
  )
  return { decoder, formats }
}

/** Writes the rows of a quantised matrix into those of an array, from a row on. */
function writeCodes(matrix: MatrixSource, to: QuantizedArrays<HostArray>, firstRow: number): void {
  const { format, width, codes, scales, offsets } = to
  const groups = groupsOf(width, format)
  forEachPiece(matrix, (rows, first) => {
    const converted = convertMatrix(rows as QuantizedMatrix, format)
    const row = firstRow + first
    codes.set(converted.codes, row * codeBytes(width, format))
    scales.set(converted.scales, row * groups)
    if (converted.offsets) offsets!.set(converted.offsets, row * groups)
  })
}

/** Copies weights that are trained to the device. */
export function uploadParameters(
  device: Device,
  parameters: ModelParameters,
  weightType: FloatType,
): DecoderArrays<DeviceArray> {
  const byName = new Map(parameters.parameters().map(({ name, values }) => [name, values]))
  const write = (name: string, to: HostArray): void => {
    to.set(rounded(byName.get(name)!, to, weightType))
  }
  return uploadWeights(device, { config: parameters.config, weightType }, { write })
}

/** Bytes of a decoder's weights. */
export function weightBytes({ config, weightType, formats }: ProgramModel): number {
  return listDecoder(decoderTypes(config, weightType, formats)).reduce((sum, type) => sum + bytesOf(type), 0)
}

/** The tensors of an array, each with its place among the array's numbers. */
export function tensorPlaces(
  config: ModelConfig,
  array: ArrayName,
): { readonly name: string; readonly start: number; readonly end: number }[] {
  const shapes = expectedTensors(config)
  let at = 0
  return tensorNames(config, array).map((name) => ({ name, start: at, end: (at += sizeOf(shapes.get(name)!)) }))
}

/** Where the values of arrays come from. */
interface WeightWriter {
  /** Writes a tensor's values. */
  readonly write: (name: string, to: HostArray) => void
  /** Writes a quantised tensor's rows, from a row of the array on. */
  readonly writeCodes?: (name: string, to: QuantizedArrays<HostArray>, firstRow: number) => void
  /** Told of each tensor that was written. */
  readonly written?: (name: string) => void
}

function uploadWeights(
  device: Device,
  { config, weightType, formats }: ProgramModel,
  { write, writeCodes, written }: WeightWriter,
): DecoderArrays<DeviceArray> {
  return device.uploadAll((upload) =>
    mapDecoderWeights(decoderTypes(config, weightType, formats), (type, array) => {
      const places = tensorPlaces(config, array)
      if (!isQuantizedArrays(type)) {
        const values = hostArray(type)
        for (const { name, start, end } of places) {
          write(name, values.subarray(start, end))
          written?.(name)
        }
        return upload(values, type)
      }
      const values = mapQuantized(type, (part): [HostArray, ArrayType] => [hostArray(part), part])
      const arrays = mapQuantized(values, ([part]) => part)
      for (const { name, start } of places) {
        writeCodes!(name, arrays, start / type.width)
        written?.(name)
      }
      return mapQuantized(values, ([part, partType]) => upload(part, partType))
    }),
  )
}

/** Float32 as the array that they go to holds them. */
function rounded(values: Float32Array, to: HostArray, weightType: FloatType): Float32Array | Uint16Array {
  if (to instanceof Float32Array) return values
  return weightType === 'bf16' ? float32ToBfloat16(values) : float32ToFloat16(values)
}
