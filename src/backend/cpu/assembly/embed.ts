/** Rows of a weight that is stored in panels (./gemm, modes 0 and 1), as float32. A tile is TILE_ROWS rows. */

// Arguments, 32-bit words. IDS is the address of the numbers of the weight's rows.
const WEIGHT = 0, IDS = 4, OUT = 8, ROWS = 12, WIDTH = 16, BFLOAT16 = 20, TILE_ROWS = 24

export function embedTile(args: usize, tile: i32): void {
  const weight = <usize>load<i32>(args, WEIGHT), ids = <usize>load<i32>(args, IDS), width = load<i32>(args, WIDTH)
  const first = tile * load<i32>(args, TILE_ROWS), end = min(load<i32>(args, ROWS), first + load<i32>(args, TILE_ROWS))
  let out = <usize>load<i32>(args, OUT) + (<usize>first * width << 2)
  for (let row = first; row < end; row++) {
    const id = load<i32>(ids + (<usize>row << 2)), panel = <usize>(id >> 4) * width, column = id & 15
    if (load<i32>(args, BFLOAT16)) {
      // Column j is the lower half of word j, and column j + 8 the upper one.
      let at = weight + (panel << 5) + (<usize>(column & 7) << 2) + (<usize>(column >> 3) << 1)
      for (let k = 0; k < width; k++, at += 32, out += 4) store<u32>(out, <u32>load<u16>(at) << 16)
    } else {
      let at = weight + (panel << 6) + (<usize>column << 2)
      for (let k = 0; k < width; k++, at += 64, out += 4) store<u32>(out, load<u32>(at))
    }
  }
}
