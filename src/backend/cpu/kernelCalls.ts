/** Takes calls of kernels: the runtime runs each at once, a list keeps them to run them together. */
export interface KernelCalls {
  /** Threads that a call's tiles are for. */
  readonly threads: number
  /** Arguments of the next call as 32-bit words, and the same words as floats. */
  readonly args: Int32Array
  readonly floatArgs: Float32Array
  /**
   * Takes a kernel whose arguments were written to {@link KernelCalls.args}.
   * @param operations rough number of multiply-adds, which decides whether the helpers are woken
   */
  run(kernel: number, tiles: number, operations: number): void
  /** Address of a scratch area of at least `bytes` bytes for each thread, and the distance between two threads' areas. */
  scratch(bytes: number): { readonly address: number; readonly stride: number }
}

/** Words that a call's arguments can have. */
export const ARGUMENT_WORDS = 64
/** Argument of products and embeddings that has the upper 32 bits of a weight's address; 0 for one in WebAssembly's memory. */
export const ADDRESS_HIGH = 29
/** Argument of embeddings that has the number of rows of the weight. */
export const WEIGHT_ROWS = 30
