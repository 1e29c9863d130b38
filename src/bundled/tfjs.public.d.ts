/**
 * The part of tfjs that the library's own declarations name, and what makes and reads its tensors: dist/ has these in place of
 * tfjs's declarations, which would have to be installed and do not compile without `skipLibCheck`.
 */

/** Lengths of the dimensions, by the number of them. */
export interface ShapeMap {
  /** A single number has none. */
  R0: number[]
  /** A vector's. */
  R1: [number]
  /** A matrix's: rows, columns. */
  R2: [number, number]
  /** Of three dimensions. */
  R3: [number, number, number]
  /** Of four dimensions. */
  R4: [number, number, number, number]
  /** Of five dimensions. */
  R5: [number, number, number, number, number]
  /** Of six dimensions. */
  R6: [number, number, number, number, number, number]
}

/** Values of a tensor as nested lists. */
export interface ArrayMap {
  /** A single number. */
  R0: number
  /** A vector. */
  R1: number[]
  /** A matrix, row by row. */
  R2: number[][]
  /** Of three dimensions. */
  R3: number[][][]
  /** Of four dimensions. */
  R4: number[][][][]
  /** Of five dimensions. */
  R5: number[][][][][]
  /** Of six dimensions. */
  R6: number[][][][][][]
}

/** How many dimensions a tensor has: R0 is a single number. */
export type Rank = keyof ShapeMap
/** Names of the ranks. */
export declare namespace Rank {
  type R0 = 'R0'
  type R1 = 'R1'
  type R2 = 'R2'
  type R3 = 'R3'
  type R4 = 'R4'
}

/** What a tensor's values are. */
export type DataType = 'float32' | 'int32' | 'bool' | 'complex64' | 'string'

/** An array of numbers with a shape, in the memory of the backend. Immutable; it stays until it is disposed, by itself or by {@link tidy}. */
export interface Tensor<R extends Rank = Rank> {
  /** Unique in the program. */
  readonly id: number
  /** Lengths of its dimensions. */
  readonly shape: ShapeMap[R]
  /** Number of its dimensions. */
  readonly rank: number
  /** How many numbers it has. */
  readonly size: number
  /** What its values are. */
  readonly dtype: DataType
  /** Whether its memory was freed. */
  readonly isDisposed: boolean
  /** The values, row by row: a copy. */
  data(): Promise<Float32Array | Int32Array | Uint8Array>
  /** The values, row by row: a copy. Works where the backend computes synchronously, as `cpu` does. */
  dataSync(): Float32Array | Int32Array | Uint8Array
  /** The values as nested lists. */
  array(): Promise<ArrayMap[R]>
  /** The values as nested lists. Works where the backend computes synchronously, as `cpu` does. */
  arraySync(): ArrayMap[R]
  /** Frees its memory. */
  dispose(): void
}

/** A single number. */
export type Scalar = Tensor<Rank.R0>
/** A vector. */
export type Tensor1D = Tensor<Rank.R1>
/** A matrix. */
export type Tensor2D = Tensor<Rank.R2>
/** A tensor of three dimensions. */
export type Tensor3D = Tensor<Rank.R3>

/** A tensor whose values change: a parameter in training. */
export interface Variable<R extends Rank = Rank> extends Tensor<R> {
  /** Unique in the program. */
  readonly name: string
  /** Whether it gets gradients. */
  readonly trainable: boolean
  /** Takes over the values of a tensor of the same shape. */
  assign(value: Tensor<R>): void
}

/** Values as typed arrays hold them. */
type Numbers = Float32Array | Int32Array | Uint8Array

/** Makes a vector. */
export declare function tensor1d(values: Numbers | number[], dtype?: 'float32' | 'int32'): Tensor1D
/** Makes a matrix, from rows or from values with the shape. */
export declare function tensor2d(
  values: Numbers | number[] | number[][],
  shape?: [number, number],
  dtype?: 'float32' | 'int32',
): Tensor2D
/** Makes a tensor of a single number. */
export declare function scalar(value: number, dtype?: 'float32' | 'int32'): Scalar
/** Makes a tensor of zeros. */
export declare function zeros<R extends Rank>(shape: ShapeMap[R], dtype?: 'float32' | 'int32'): Tensor<R>
/** Makes a tensor of ones. */
export declare function ones<R extends Rank>(shape: ShapeMap[R], dtype?: 'float32' | 'int32'): Tensor<R>
/** Makes a variable that begins with the values of a tensor. */
export declare function variable<R extends Rank>(initialValue: Tensor<R>, trainable?: boolean): Variable<R>
/** Runs a synchronous function and frees the tensors that it made, except those that it returns or that {@link keep} was called with. */
export declare function tidy<Result>(f: () => Result): Result
/** Keeps a tensor beyond the {@link tidy} that it was made in. */
export declare function keep<T extends Tensor>(tensor: T): T
/** Frees the memory of tensors. */
export declare function dispose(tensors: Tensor | readonly Tensor[] | Readonly<Record<string, Tensor>>): void
/** The gradient of a function of one tensor whose result is a single number. */
export declare function grad(f: (x: Tensor) => Tensor): (x: Tensor) => Tensor
/** What tensors take now. */
export declare function memory(): { numTensors: number; numDataBuffers: number; numBytes: number }
