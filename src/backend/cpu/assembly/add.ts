/** Elementwise sum of two float32 arrays. A tile is a stretch of TILE_BYTES bytes. */

// Arguments, 32-bit words. TILE_BYTES is a multiple of 16.
const A = 0, B = 4, OUT = 8, BYTES = 12, TILE_BYTES = 16

export function addTile(args: usize, tile: i32): void {
  const a = <usize>load<i32>(args, A), b = <usize>load<i32>(args, B), out = <usize>load<i32>(args, OUT)
  const tileBytes = <usize>load<i32>(args, TILE_BYTES)
  let at = <usize>tile * tileBytes
  const end = min(<usize>load<i32>(args, BYTES), at + tileBytes)
  for (; at + 16 <= end; at += 16) v128.store(out + at, f32x4.add(v128.load(a + at), v128.load(b + at)))
  for (; at < end; at += 4) store<f32>(out + at, load<f32>(a + at) + load<f32>(b + at))
}
