/**
 * Sizes that programs are made for: each new one is compiled anew, so that lengths are rounded up to few of them, and what is left is
 * filled with tokens that nobody sees. They depend on what is computed alone, not on what was compiled before.
 */

/** Places for the fewest tokens that a program is made for: on a card short ones cost no more time than these, and compiling does. */
export function fewestTokens(platform: string): number {
  return platform === 'cpu' ? 16 : 128
}

/** Places for so many tokens: 16, 32, 64, … */
export function tokenBucket(tokens: number, fewest: number): number {
  return Math.max(fewest, countBucket(tokens))
}

/** The power of two from which on there is room for so many: 1, 2, 4, … */
export function countBucket(count: number): number {
  return 2 ** Math.ceil(Math.log2(Math.max(1, count)))
}

/** The largest divisor of a number that is not above a limit; 1 where the limit is lower. */
export function largestDivisor(count: number, limit: number): number {
  for (let divisor = Math.min(count, Math.floor(limit)); divisor > 1; divisor--) {
    if (count % divisor === 0) return divisor
  }
  return 1
}
