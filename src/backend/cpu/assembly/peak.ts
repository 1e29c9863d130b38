/**
 * The most multiply-adds that this machine does on vectors of floats: a loop in which everything stays in registers. What kernels
 * reach is compared with it.
 *
 * Twelve independent chains keep two units with a latency of four to five cycles busy, and leave registers for the factors. Where
 * V8's revectorizer joins neighbouring operations it takes 24 of them; see ./blocks.
 */
import { blockRows } from './blocks'
import { madd } from './simd'

// Arguments, 32-bit words.
const ROUNDS = 0, CHAINS = 4

/** What a tile has at CHAINS: floats in which the chains start and end, and in the last word how many multiply-adds a round has. */
export const PEAK_TILE_BYTES: i32 = 1088

/** In memory, for the reason that ./exp gives: made anew within the loop, they would be what is measured. */
const FACTORS = memory.data<f32>([0.5, 1])

/** Each chain goes towards 2, far from overflow and subnormal numbers; the product is that of the chain, so that it cannot be taken out of the loop. */
export function peakTile(args: usize, tile: i32): void {
  const chains = <usize>load<i32>(args, CHAINS) + <usize>(tile * PEAK_TILE_BYTES)
  const rounds = load<i32>(args, ROUNDS)
  const joined = blockRows() > 2
  if (joined) runChains<TwentyFour>(chains, rounds)
  else runChains<Twelve>(chains, rounds)
  store<i32>(chains + PEAK_TILE_BYTES - 4, joined ? 96 : 48)
}

/** Numbers of chains as types, as in ./blocks. */
@unmanaged class Twelve { a: u8 }
@unmanaged class TwentyFour extends Twelve { b: u8 }

function runChains<Chains>(chains: usize, rounds: i32): void {
  const many = offsetof<Chains>() > 1
  const x = v128.load_splat<f32>(FACTORS), y = v128.load_splat<f32>(FACTORS, 4)
  let c0 = v128.load(chains), c1 = v128.load(chains, 16), c2 = v128.load(chains, 32), c3 = v128.load(chains, 48)
  let c4 = v128.load(chains, 64), c5 = v128.load(chains, 80), c6 = v128.load(chains, 96), c7 = v128.load(chains, 112)
  let c8 = v128.load(chains, 128), c9 = v128.load(chains, 144), c10 = v128.load(chains, 160), c11 = v128.load(chains, 176)
  let c12 = x, c13 = x, c14 = x, c15 = x
  let c16 = x, c17 = x, c18 = x, c19 = x
  let c20 = x, c21 = x, c22 = x, c23 = x
  if (many) {
    c12 = v128.load(chains, 192)
    c13 = v128.load(chains, 208)
    c14 = v128.load(chains, 224)
    c15 = v128.load(chains, 240)
    c16 = v128.load(chains, 256)
    c17 = v128.load(chains, 272)
    c18 = v128.load(chains, 288)
    c19 = v128.load(chains, 304)
    c20 = v128.load(chains, 320)
    c21 = v128.load(chains, 336)
    c22 = v128.load(chains, 352)
    c23 = v128.load(chains, 368)
  }
  for (; rounds > 0; rounds--) {
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
    if (many) {
      c12 = madd(c12, x, y)
      c13 = madd(c13, x, y)
      c14 = madd(c14, x, y)
      c15 = madd(c15, x, y)
      c16 = madd(c16, x, y)
      c17 = madd(c17, x, y)
      c18 = madd(c18, x, y)
      c19 = madd(c19, x, y)
      c20 = madd(c20, x, y)
      c21 = madd(c21, x, y)
      c22 = madd(c22, x, y)
      c23 = madd(c23, x, y)
    }
  }
  v128.store(chains, c0)
  v128.store(chains, c1, 16)
  v128.store(chains, c2, 32)
  v128.store(chains, c3, 48)
  v128.store(chains, c4, 64)
  v128.store(chains, c5, 80)
  v128.store(chains, c6, 96)
  v128.store(chains, c7, 112)
  v128.store(chains, c8, 128)
  v128.store(chains, c9, 144)
  v128.store(chains, c10, 160)
  v128.store(chains, c11, 176)
  if (many) {
    v128.store(chains, c12, 192)
    v128.store(chains, c13, 208)
    v128.store(chains, c14, 224)
    v128.store(chains, c15, 240)
    v128.store(chains, c16, 256)
    v128.store(chains, c17, 272)
    v128.store(chains, c18, 288)
    v128.store(chains, c19, 304)
    v128.store(chains, c20, 320)
    v128.store(chains, c21, 336)
    v128.store(chains, c22, 352)
    v128.store(chains, c23, 368)
  }
}
