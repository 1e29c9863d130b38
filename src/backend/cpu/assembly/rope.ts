/** Rotary position embedding; the formula is in src/ops/rope.ts. A tile is some rows (tokens). */

// Arguments, 32-bit words. HALF is half of a head's size; INVERSE rotates by the opposite angle. POSITIONS is the address of the
// numbers of the rows of COS and SIN, 0 where they go from 0 on; how many rows these have is for native code, which checks it.
const X = 0, COS = 4, SIN = 8, OUT = 12, ROWS = 16, HEADS = 20, HALF = 24, INVERSE = 28, TILE_ROWS = 32
const POSITIONS = 36

export function ropeTile(args: usize, tile: i32): void {
  const heads = load<i32>(args, HEADS), halfBytes = <usize>load<i32>(args, HALF) << 2
  const rowBytes = <usize>heads * halfBytes * 2
  const positions = <usize>load<i32>(args, POSITIONS)
  const sign: f32 = load<i32>(args, INVERSE) ? -1 : 1, signs = f32x4.splat(sign)
  const first = tile * load<i32>(args, TILE_ROWS), end = min(load<i32>(args, ROWS), first + load<i32>(args, TILE_ROWS))
  for (let row = first; row < end; row++) {
    const position = <usize>(positions ? load<i32>(positions + (<usize>row << 2)) : row) * halfBytes
    const cos = <usize>load<i32>(args, COS) + position, sin = <usize>load<i32>(args, SIN) + position
    let x = <usize>load<i32>(args, X) + <usize>row * rowBytes
    let out = <usize>load<i32>(args, OUT) + <usize>row * rowBytes
    for (let head = 0; head < heads; head++) {
      let at: usize = 0
      for (; at + 16 <= halfBytes; at += 16) {
        const a = v128.load(x + at), b = v128.load(x + at + halfBytes)
        const c = v128.load(cos + at), s = f32x4.mul(v128.load(sin + at), signs)
        v128.store(out + at, f32x4.sub(f32x4.mul(a, c), f32x4.mul(b, s)))
        v128.store(out + at + halfBytes, f32x4.add(f32x4.mul(b, c), f32x4.mul(a, s)))
      }
      for (; at < halfBytes; at += 4) {
        const a = load<f32>(x + at), b = load<f32>(x + at + halfBytes)
        const c = load<f32>(cos + at), s = load<f32>(sin + at) * sign
        store<f32>(out + at, a * c - b * s)
        store<f32>(out + at + halfBytes, b * c + a * s)
      }
      x += halfBytes * 2
      out += halfBytes * 2
    }
  }
}
