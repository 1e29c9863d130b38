import type { ArrayType } from '../types.js'

/** Functions of one array, number by number. */
export type UnaryName =
  | 'abs'
  | 'cosine'
  | 'exponential'
  | 'floor'
  | 'log'
  | 'logistic'
  | 'negate'
  | 'not'
  | 'rsqrt'
  | 'sine'
  | 'sqrt'
  | 'tanh'

/** Functions of two arrays of the same type, number by number. */
export type BinaryName =
  | 'add'
  | 'and'
  | 'divide'
  | 'maximum'
  | 'minimum'
  | 'multiply'
  | 'or'
  | 'shift_left'
  | 'shift_right_logical'
  | 'subtract'
  | 'xor'

/** How two numbers are compared. */
export type Comparison = 'EQ' | 'NE' | 'GE' | 'GT' | 'LE' | 'LT'

/** Which dimensions of the two sides of a product belong together; what is left over stays, those of the left side first. */
export interface DotDimensions {
  /** Of the left side and of the right side: dimensions that are passed through together, the first of the result. */
  readonly batch?: readonly [left: readonly number[], right: readonly number[]]
  /** Of the left side and of the right side: dimensions that are summed over. */
  readonly contract: readonly [left: readonly number[], right: readonly number[]]
}

/** The state of a loop and what changes it. */
export interface LoopRegion {
  /** What stands for the state inside of the loop. */
  readonly state: readonly Node[]
  /** What the loop reads beside its state. */
  readonly captured: readonly Node[]
  /** Whether it goes on, a scalar. */
  readonly condition: Node
  /** The next state. */
  readonly next: readonly Node[]
}

/** What a node computes of its inputs. */
export type Operation =
  | { readonly kind: 'argument' }
  | { readonly kind: 'constant'; readonly values: number | readonly number[] }
  | { readonly kind: 'iota'; readonly dimension: number }
  | { readonly kind: 'unary'; readonly name: UnaryName }
  | { readonly kind: 'binary'; readonly name: BinaryName }
  | { readonly kind: 'compare'; readonly direction: Comparison }
  | { readonly kind: 'select' }
  | { readonly kind: 'convert' }
  | { readonly kind: 'detach' }
  | { readonly kind: 'barrier' }
  | { readonly kind: 'bitcast' }
  | { readonly kind: 'reshape' }
  | { readonly kind: 'broadcast'; readonly dimensions: readonly number[] }
  | { readonly kind: 'transpose'; readonly permutation: readonly number[] }
  | { readonly kind: 'slice'; readonly starts: readonly number[]; readonly limits: readonly number[] }
  | { readonly kind: 'pad'; readonly low: readonly number[]; readonly high: readonly number[] }
  | { readonly kind: 'concatenate'; readonly dimension: number }
  | { readonly kind: 'reduce'; readonly name: 'add' | 'maximum'; readonly dimensions: readonly number[] }
  | { readonly kind: 'dot'; readonly dimensions: Required<DotDimensions> }
  | { readonly kind: 'takeRows' }
  | { readonly kind: 'addRows' }
  | { readonly kind: 'putRows'; readonly axes: readonly number[] }
  | { readonly kind: 'dynamicSlice'; readonly sizes: readonly number[] }
  | { readonly kind: 'dynamicUpdate' }
  | { readonly kind: 'while'; readonly region: LoopRegion }
  | { readonly kind: 'result'; readonly index: number }

/** A value of a program: an array that an operation computes of others. */
export interface Node extends ArrayType {
  readonly operation: Operation
  readonly inputs: readonly Node[]
}

/** A node. Graphs are acyclic, since a node's inputs are there before it. */
export function node(operation: Operation, inputs: readonly Node[], type: ArrayType): Node {
  return { operation, inputs, dtype: type.dtype, shape: type.shape }
}
