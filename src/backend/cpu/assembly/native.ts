/**
 * Kernels that native code computes in place of those here: the same bits, with the vectors that the processor has. The thread that
 * holds this instance has given it a function of the addon for that; see ../native.ts.
 */

/** Address of a mask of 64 bits: bit i is set when native code serves kernel i. */
export const NATIVE_KERNELS: usize = 1600
/** Address of the number of pages of 64 KiB that the memory has, and of a word that is 1 when native code would have gone beyond it. */
export const NATIVE_PAGES: usize = 1608, NATIVE_FAULT: usize = 1612

/** Computes tiles first … end − 1. */
// @ts-ignore: decorator
@external('env', 'nativeTiles')
export declare function nativeTiles(kernel: i32, args: usize, first: i32, end: i32): void

// @ts-ignore: decorator
@inline
export function isNative(kernel: i32): bool {
  return ((load<u64>(NATIVE_KERNELS) >> kernel) & 1) != 0
}
