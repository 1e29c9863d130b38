/** Each row of the result is the sum of some rows of a matrix, in their order; 0 where there are none. A tile is TILE_ROWS rows. */

// Arguments, 32-bit words. SOURCES are the numbers of the rows that are added, those of result row i from STARTS[i] to STARTS[i + 1].
const FROM = 0, STARTS = 4, SOURCES = 8, OUT = 12, ROWS = 16, ROW_BYTES = 20, TILE_ROWS = 24

export function sumRowsTile(args: usize, tile: i32): void {
  const from = <usize>load<i32>(args, FROM), out = <usize>load<i32>(args, OUT), bytes = <usize>load<i32>(args, ROW_BYTES)
  const starts = <usize>load<i32>(args, STARTS), sources = <usize>load<i32>(args, SOURCES)
  const tileRows = load<i32>(args, TILE_ROWS), first = tile * tileRows, end = min(first + tileRows, load<i32>(args, ROWS))
  for (let row = first; row < end; row++) {
    const to = out + <usize>row * bytes
    memory.fill(to, 0, bytes)
    let source = sources + (<usize>load<i32>(starts + (<usize>row << 2)) << 2)
    const last = sources + (<usize>load<i32>(starts + (<usize>row << 2), 4) << 2)
    for (; source < last; source += 4) {
      const a = from + <usize>load<i32>(source) * bytes
      let at: usize = 0
      for (; at + 16 <= bytes; at += 16) v128.store(to + at, f32x4.add(v128.load(to + at), v128.load(a + at)))
      for (; at < bytes; at += 4) store<f32>(to + at, load<f32>(to + at) + load<f32>(a + at))
    }
  }
}
