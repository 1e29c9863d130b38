/** What the WebAssembly module exports. All kernels run through `dispatch` and `dispatchList`; the numbers are those of ../constants.ts. */
export { GRADIENT_BLOCK, KEY_BLOCK } from './attention'
export { BLOCK_ROWS } from './blocks'
export { BLOCK_BYTES } from './gemm'
export { KernelId } from './kernels'
export { BLOCK_COLUMNS, ROW_STATE_BYTES } from './logSoftmax'
export { PEAK_TILE_BYTES } from './peak'
export { BINS } from './sampling'
export { OBSERVED, dispatch, dispatchList, endHelpers, helperLoop } from './scheduler'
