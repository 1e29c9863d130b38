import { KernelId } from './constants.js'
import type { Runtime } from './runtime.js'

/** Multiply-adds of a round of the loop: twelve vectors of four floats; see assembly/peak.ts. */
const MULTIPLY_ADDS_PER_ROUND = 48
/** Rounds of a tile: some tenths of a millisecond. */
const ROUNDS = 100_000

/**
 * The machine's peak of multiply-adds on 128-bit vectors, WebAssembly's width, on all threads of a runtime: the best of many
 * runs of a loop that touches no memory. What a kernel reaches is compared with it.
 * @returns GFLOP/s, a product and a sum counted as two
 */
export function measurePeak(
  runtime: Runtime,
  /** How long to measure, in milliseconds. */
  milliseconds: number,
): number {
  const tiles = runtime.threads * 4
  const out = runtime.allocator.allocate(tiles * 16)
  const multiplyAdds = tiles * ROUNDS * MULTIPLY_ADDS_PER_ROUND
  let best = Infinity
  const started = performance.now()
  do {
    const before = performance.now()
    runtime.args[0] = ROUNDS
    runtime.args[1] = out
    runtime.run(KernelId.peak, tiles, multiplyAdds)
    best = Math.min(best, performance.now() - before)
  } while (performance.now() - started < milliseconds)
  runtime.allocator.release(out)
  return (2 * multiplyAdds) / best / 1e6
}
