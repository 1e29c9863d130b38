/**
 * The most multiply-adds that this machine does on vectors of four floats: a loop in which everything stays in registers.
 * What kernels reach is compared with it.
 *
 * Twelve independent chains keep two units with a latency of four to five cycles busy, and leave registers for the factors.
 */
import { madd } from './simd'

// Arguments, 32-bit words.
const ROUNDS = 0, OUT = 4

/** In memory, for the reason that ./exp gives: made anew within the loop, they would be what is measured. */
const FACTORS = memory.data<f32>([0.5, 1])

/** Twelve multiply-adds of four lanes in each round. The chains' sum is written to `out` [tile][4], so that it has to be computed. */
export function peakTile(args: usize, tile: i32): void {
  // Each chain goes towards 2, far from overflow and subnormal numbers. They start apart, so that no two can be made one, and
  // the product is that of the chain, so that it cannot be taken out of the loop.
  const x = v128.load_splat<f32>(FACTORS), y = v128.load_splat<f32>(FACTORS, 4)
  let c0 = f32x4.splat(<f32>tile), c1 = f32x4.splat(1), c2 = f32x4.splat(2), c3 = f32x4.splat(3)
  let c4 = f32x4.splat(4), c5 = f32x4.splat(5), c6 = f32x4.splat(6), c7 = f32x4.splat(7)
  let c8 = f32x4.splat(8), c9 = f32x4.splat(9), c10 = f32x4.splat(10), c11 = f32x4.splat(11)
  for (let i = load<i32>(args, ROUNDS); i > 0; i--) {
    c0 = madd(c0, x, y)
    c1 = madd(c1, x, y)
    c2 = madd(c2, x, y)
    c3 = madd(c3, x, y)
    c4 = madd(c4, x, y)
    c5 = madd(c5, x, y)
    c6 = madd(c6, x, y)
    c7 = madd(c7, x, y)
    c8 = madd(c8, x, y)
    c9 = madd(c9, x, y)
    c10 = madd(c10, x, y)
    c11 = madd(c11, x, y)
  }
  const a = f32x4.add(f32x4.add(c0, c1), f32x4.add(c2, c3))
  const b = f32x4.add(f32x4.add(c4, c5), f32x4.add(c6, c7))
  const c = f32x4.add(f32x4.add(c8, c9), f32x4.add(c10, c11))
  v128.store(<usize>load<i32>(args, OUT) + (<usize>tile << 4), f32x4.add(f32x4.add(a, b), c))
}
