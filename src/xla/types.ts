/** Types of the values that a program computes with. */
export type ElementType = 'f32' | 'bf16' | 'f16' | 'i32' | 'i1'

/** Type and size of an array; a scalar has no dimensions. */
export interface ArrayType {
  readonly dtype: ElementType
  readonly shape: readonly number[]
}

/** How an array lies in the host's memory: halves as their 16 bits, truth values as a byte each. */
export type HostArray = Float32Array | Int32Array | Uint16Array | Uint8Array

const BYTES: Readonly<Record<ElementType, number>> = { f32: 4, bf16: 2, f16: 2, i32: 4, i1: 1 }

/** Numbers of an array. */
export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1)
}

/** Bytes of an array. */
export function bytesOf({ dtype, shape }: ArrayType): number {
  return sizeOf(shape) * BYTES[dtype]
}

/** An array for the values of a type, filled with zeros. */
export function hostArray({ dtype, shape }: ArrayType): HostArray {
  const size = sizeOf(shape)
  switch (dtype) {
    case 'f32':
      return new Float32Array(size)
    case 'i32':
      return new Int32Array(size)
    case 'bf16':
    case 'f16':
      return new Uint16Array(size)
    case 'i1':
      return new Uint8Array(size)
  }
}

/** As StableHLO writes it: tensor<2x3xf32>. */
export function printType({ dtype, shape }: ArrayType): string {
  return `tensor<${shape.map((size) => `${size}x`).join('')}${dtype}>`
}
