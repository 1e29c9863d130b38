import { codeBytes, groupsOf } from '../../quantization/weightFormat.js'
import type { QuantizedFormat } from '../../quantization/weightFormat.js'
import type { ArrayType } from '../types.js'

/** Something of each array that a quantised matrix consists of; of all layers, stacked [L, …], or of one. */
export interface QuantizedArrays<Value> {
  readonly format: QuantizedFormat
  /** Inputs of an output. */
  readonly width: number
  /** As in QuantizedMatrix: 8 bits, or 4 bits two to a byte. */
  readonly codes: Value // [out, width] i8 or [out, ⌈width / 2⌉] ui8
  readonly scales: Value // [out, groups] f32
  /** Null where the format has none. */
  readonly offsets: Value | null // [out, groups] f32
}

/** Something of a matrix: of its one array, or of each of those that it consists of where it is quantised. */
export type WeightArrays<Value> = Value | QuantizedArrays<Value>

/** Whether a matrix is quantised. */
export function isQuantizedArrays<Value>(weight: WeightArrays<Value>): weight is QuantizedArrays<Value> {
  return typeof weight === 'object' && weight !== null && 'codes' in weight
}

/** Types of the arrays of a matrix of a format, [layers or nothing, out, width]. */
export function quantizedTypes(shape: readonly number[], format: QuantizedFormat): QuantizedArrays<ArrayType> {
  const outer = shape.slice(0, -1)
  const width = shape.at(-1)!
  const groups: ArrayType = { dtype: 'f32', shape: [...outer, groupsOf(width, format)] }
  return {
    format,
    width,
    codes: { dtype: format.bits === 8 ? 'i8' : 'ui8', shape: [...outer, codeBytes(width, format)] },
    scales: groups,
    offsets: format.hasOffsets ? groups : null,
  }
}

/** The same of each array of a matrix. */
export function mapWeight<From, To>(weight: WeightArrays<From>, change: (value: From) => To): WeightArrays<To> {
  return isQuantizedArrays(weight) ? mapQuantized(weight, change) : change(weight)
}

/** The same of each array of a quantised matrix. */
export function mapQuantized<From, To>(
  { codes, scales, offsets, ...rest }: QuantizedArrays<From>,
  change: (value: From) => To,
): QuantizedArrays<To> {
  return { ...rest, codes: change(codes), scales: change(scales), offsets: offsets === null ? null : change(offsets) }
}

/** All arrays of a matrix, in the order in which programs take them. */
export function listWeight<Value>(weight: WeightArrays<Value>): Value[] {
  if (!isQuantizedArrays(weight)) return [weight]
  const { codes, scales, offsets } = weight
  return [codes, scales, ...(offsets === null ? [] : [offsets])]
}
