import { formatBytes, integerFormat } from '../../quantization/weightFormat.js'
import type { QuantizedDtype, WeightFormat } from '../../quantization/weightFormat.js'
import type { ModelConfig } from '../config.js'
import { expectedTensors } from '../modelTensors.js'
import { quantizedDtypeOf } from './weightDtype.js'

/** Bytes of a model's weights with its matrices in these formats; vectors are float32. */
export function weightBytes(config: ModelConfig, formatOf: (name: string) => WeightFormat): number {
  return [...expectedTensors(config)].reduce((sum, [name, [out, width]]) => {
    return sum + (width === undefined ? 4 * out! : formatBytes([out!, width], formatOf(name)))
  }, 0)
}

/** Bytes of the matrices that have so many bytes or more. */
export function largeMatrixBytes(config: ModelConfig, formatOf: (name: string) => WeightFormat, from: number): number {
  return [...expectedTensors(config)]
    .map(([name, [out, width]]) => (width === undefined ? 0 : formatBytes([out!, width], formatOf(name))))
    .filter((bytes) => bytes >= from)
    .reduce((sum, bytes) => sum + bytes, 0)
}

/** Bytes of a model's weights where they are quantised while they are loaded. */
export function quantizedBytes(config: ModelConfig, dtype: QuantizedDtype): number {
  return weightBytes(config, (name) => integerFormat(quantizedDtypeOf(name, dtype)))
}
