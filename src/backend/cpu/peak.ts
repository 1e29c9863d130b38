import { KernelId, PEAK_TILE_BYTES } from './constants.js'
import type { Runtime } from './runtime.js'

/** Rounds of a tile: some tenths of a millisecond. */
const ROUNDS = 100_000

/**
 * The machine's peak of multiply-adds on vectors as wide as a runtime's kernels use, on all its threads: the best of many runs of a
 * loop that touches no memory. What a kernel reaches is compared with it.
 * @returns GFLOP/s, a product and a sum counted as two
 */
export function measurePeak(
  runtime: Runtime,
  /** How long to measure, in milliseconds. */
  milliseconds: number,
): number {
  const tiles = runtime.threads * 4
  const chains = runtime.allocator.allocate(tiles * PEAK_TILE_BYTES)
  const { buffer } = runtime.allocator.memory
  new Float32Array(buffer, chains, (tiles * PEAK_TILE_BYTES) / 4).fill(1)
  let best = Infinity
  const started = performance.now()
  do {
    const before = performance.now()
    runtime.args[0] = ROUNDS
    runtime.args[1] = chains
    runtime.run(KernelId.peak, tiles, Infinity)
    best = Math.min(best, performance.now() - before)
  } while (performance.now() - started < milliseconds)
  // What computes says how much a round is.
  const multiplyAdds = new Int32Array(buffer, chains, PEAK_TILE_BYTES / 4).at(-1)!
  runtime.allocator.release(chains)
  return (2 * tiles * ROUNDS * multiplyAdds) / best / 1e6
}
