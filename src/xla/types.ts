/** Types of the values that a program computes with. */
export type ElementType = 'f32' | 'bf16' | 'f16' | 'i32' | 'i8' | 'ui8' | 'i1'

/** Type and size of an array; a scalar has no dimensions. */
export interface ArrayType {
  readonly dtype: ElementType
  readonly shape: readonly number[]
}

/** How an array lies in the host's memory: halves as their 16 bits, truth values as a byte each. */
export type HostArray = Float32Array | Int32Array | Uint16Array | Int8Array | Uint8Array

/** What holds the values of a type on the host. */
export const HOST_ARRAYS = {
  f32: Float32Array,
  bf16: Uint16Array,
  f16: Uint16Array,
  i32: Int32Array,
  i8: Int8Array,
  ui8: Uint8Array,
  i1: Uint8Array,
} as const satisfies Readonly<Record<ElementType, unknown>>

/** Numbers of an array. */
export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1)
}

/** Bytes of an array. */
export function bytesOf({ dtype, shape }: ArrayType): number {
  return sizeOf(shape) * HOST_ARRAYS[dtype].BYTES_PER_ELEMENT
}

/** An array for the values of a type, filled with zeros. */
export function hostArray({ dtype, shape }: ArrayType): HostArray {
  return new HOST_ARRAYS[dtype](sizeOf(shape))
}

/** As StableHLO writes it: tensor<2x3xf32>. */
export function printType({ dtype, shape }: ArrayType): string {
  return `tensor<${shape.map((size) => `${size}x`).join('')}${dtype}>`
}
