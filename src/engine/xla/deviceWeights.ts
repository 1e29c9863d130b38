import { float32ToBfloat16, float32ToFloat16 } from '../../io/dtypes.js'
import type { ModelConfig } from '../../model/config.js'
import type { ModelParameters } from '../../model/modelParameters.js'
import { expectedTensors } from '../../model/modelTensors.js'
import type { ModelWeights } from '../../model/weights/modelWeights.js'
import { matrixAs } from '../../model/weights/weightDtype.js'
import type { WeightDtype } from '../../model/weights/weightDtype.js'
import { forEachPiece, widenRows } from '../../quantization/matrixSource.js'
import { decoderTypes, listDecoder, mapDecoder } from '../../xla/programs/decoderArrays.js'
import type { ArrayName, DecoderArrays, FloatType } from '../../xla/programs/decoderArrays.js'
import type { DeviceArray } from '../../xla/runtime/runner.js'
import { bytesOf, hostArray, sizeOf } from '../../xla/types.js'
import type { HostArray } from '../../xla/types.js'
import type { Device } from './device.js'
import { tensorNames } from './tensorNames.js'

/**
 * Reads a model's weights and copies them to the device, one array of all layers at a time.
 * @throws FileFormatError when tensors are missing, surplus or of another shape than the config says; OutOfDeviceMemoryError
 */
export function loadWeights(
  device: Device,
  config: ModelConfig,
  weights: ModelWeights,
  dtype: WeightDtype,
  weightType: FloatType,
): DecoderArrays<DeviceArray> {
  return uploadWeights(device, config, weightType, (name, to) => {
    if (weights.shapes.get(name)!.length === 1) {
      to.set(weights.vector(name))
      return
    }
    const matrix = matrixAs(weights, name, dtype)
    forEachPiece(matrix, (rows, first) => {
      const isStored = to instanceof Uint16Array && weightType === 'bf16' && rows instanceof Uint16Array
      to.set(isStored ? rows : rounded(widenRows(rows), to, weightType), first * matrix.shape[1])
    })
  })
}

/** Copies weights that are trained to the device. */
export function uploadParameters(
  device: Device,
  parameters: ModelParameters,
  weightType: FloatType,
): DecoderArrays<DeviceArray> {
  const byName = new Map(parameters.parameters().map(({ name, values }) => [name, values]))
  return uploadWeights(device, parameters.config, weightType, (name, to) => {
    to.set(rounded(byName.get(name)!, to, weightType))
  })
}

/** Bytes of a decoder's weights. */
export function weightBytes(config: ModelConfig, weightType: FloatType): number {
  return listDecoder(decoderTypes(config, weightType)).reduce((sum, type) => sum + bytesOf(type), 0)
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

function uploadWeights(
  device: Device,
  config: ModelConfig,
  weightType: FloatType,
  /** Writes a tensor's values. */
  write: (name: string, to: HostArray) => void,
): DecoderArrays<DeviceArray> {
  return device.uploadAll((upload) =>
    mapDecoder(decoderTypes(config, weightType), (type, array) => {
      const values = hostArray(type)
      for (const { name, start, end } of tensorPlaces(config, array)) write(name, values.subarray(start, end))
      return upload(values, type)
    }),
  )
}

/** Float32 as the array that they go to holds them. */
function rounded(values: Float32Array, to: HostArray, weightType: FloatType): Float32Array | Uint16Array {
  if (to instanceof Float32Array) return values
  return weightType === 'bf16' ? float32ToBfloat16(values) : float32ToFloat16(values)
}
