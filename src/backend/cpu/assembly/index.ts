/** What the WebAssembly module exports. All kernels run through `dispatch`. */
export { dispatch, endHelpers, helperLoop } from './scheduler'
