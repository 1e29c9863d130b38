/** Dropout by a hash of row and column; the definition is in src/ops/dropout.ts. A tile is TILE_ROWS rows. */

// Arguments, 32-bit words. KEYS holds a key for each row; LIMIT is unsigned, SCALE a float32.
const FROM = 0, TO = 4, KEYS = 8, ROWS = 12, COLUMNS = 16, KEY = 20, LIMIT = 24, SCALE = 28, TILE_ROWS = 32

const GOLDEN: u32 = 0x9e3779b1, FIRST: u32 = 0x85ebca6b, SECOND: u32 = 0xc2b2ae35

/** In memory, for the reason that ./exp gives: the multipliers, then multiples of GOLDEN. */
const MULTIPLIERS = memory.data<u32>([FIRST, SECOND])
const COLUMN_KEYS = memory.data<u32>([GOLDEN, 2 * GOLDEN, 3 * GOLDEN, 4 * GOLDEN])

// @ts-ignore: decorator
@inline
function mix(x: u32): u32 {
  let h = (x ^ (x >> 16)) * FIRST
  h = (h ^ (h >> 13)) * SECOND
  return h ^ (h >> 16)
}

/** As mix, on four lanes. */
// @ts-ignore: decorator
@inline
function mix4(x: v128): v128 {
  let h = i32x4.mul(v128.xor(x, i32x4.shr_u(x, 16)), v128.load_splat<u32>(MULTIPLIERS))
  h = i32x4.mul(v128.xor(h, i32x4.shr_u(h, 13)), v128.load_splat<u32>(MULTIPLIERS, 4))
  return v128.xor(h, i32x4.shr_u(h, 16))
}

export function dropoutTile(args: usize, tile: i32): void {
  const columns = load<i32>(args, COLUMNS), rowBytes = <usize>columns << 2
  const key = mix(load<u32>(args, KEY)), limit = load<u32>(args, LIMIT), scale = load<f32>(args, SCALE)
  const limits = v128.load_splat<u32>(args, LIMIT), scales = v128.load_splat<f32>(args, SCALE)
  const first = tile * load<i32>(args, TILE_ROWS), end = min(first + load<i32>(args, TILE_ROWS), load<i32>(args, ROWS))
  for (let row = first; row < end; row++) {
    const rowKey = mix(load<u32>(<usize>load<i32>(args, KEYS) + (<usize>row << 2)) ^ key)
    const from = <usize>load<i32>(args, FROM) + <usize>row * rowBytes, to = <usize>load<i32>(args, TO) + <usize>row * rowBytes
    const rowKeys = i32x4.splat(rowKey), step = i32x4.splat(4 * GOLDEN)
    let columnKeys = v128.load(COLUMN_KEYS)
    let at: usize = 0
    for (; at + 16 <= rowBytes; at += 16) {
      const kept = i32x4.ge_u(mix4(v128.xor(rowKeys, columnKeys)), limits)
      v128.store(to + at, v128.and(f32x4.mul(v128.load(from + at), scales), kept))
      columnKeys = i32x4.add(columnKeys, step)
    }
    for (; at < rowBytes; at += 4) {
      const column = <u32>(at >> 2)
      const isKept = mix(rowKey ^ ((column + 1) * GOLDEN)) >= limit
      store<f32>(to + at, isKept ? load<f32>(from + at) * scale : 0)
    }
  }
}
