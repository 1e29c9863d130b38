/**
 * Numbers that the kernels in assembly/ and those who call them share. The WebAssembly module exports its own; a test holds these to
 * them.
 */

/** Kernels of the WebAssembly module. */
export const KernelId = {
  gemm: 0,
  attention: 10,
  attentionQueryGradient: 11,
  attentionKeyGradient: 12,
  attentionPanels: 13,
  attentionPanelCopy: 14,
  add: 20,
  rmsNorm: 21,
  rope: 22,
  swiglu: 23,
  logSoftmax: 24,
  logSoftmaxGradient: 25,
  sampleTokens: 26,
  copyRows: 27,
  dropout: 28,
  embed: 29,
  sumRows: 30,
  peak: 40,
} as const

/** Address of the word that says how many rows a block of a product has at most. */
export const BLOCK_ROWS = 1536
/** Address of the word that says whether groups of calls are observed, and 8 bytes behind it of a time; see assembly/scheduler.ts. */
export const OBSERVED = 1568
/** Address of the mask of kernels that native code serves. */
export const NATIVE_KERNELS = 1600
/** Address of the number of pages of 64 KiB that the memory has, and of a word that is 1 when native code would have gone beyond it. */
export const NATIVE_PAGES = 1608
export const NATIVE_FAULT = 1612
/** Bytes of a thread's scratch that hold the accumulators of one block of a product. */
export const BLOCK_BYTES = 384
/** Keys of one step of attention's softmax, which are the scores of a row at one time. */
export const KEY_BLOCK = 64
/** Keys of a tile of the gradient with respect to keys and values, and queries of one of its steps. */
export const GRADIENT_BLOCK = 32
export const QUERY_BLOCK = 64
/** Entries of a tile of the kernel that makes panels of keys and values for attention. */
export const TILE_PANELS = 4
/** Tokens of the vocabulary whose logits are computed at a time. */
export const BLOCK_COLUMNS = 2048
/** Bytes of what is known of a row of logits between two blocks. */
export const ROW_STATE_BYTES = 24
/** Bins of the histogram by which a row's scores are sorted. */
export const BINS = 2048
/** Bytes of a tile of the kernel that measures the peak. */
export const PEAK_TILE_BYTES = 1088
