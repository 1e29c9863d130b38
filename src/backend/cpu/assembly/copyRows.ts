/** Copies rows of one matrix to rows of another. A tile is TILE_ROWS rows. */

// Arguments, 32-bit words. FROM_ROWS and TO_ROWS are addresses of the numbers of the rows; 0 where they go from 0 on.
const FROM = 0, FROM_ROWS = 4, TO = 8, TO_ROWS = 12, ROWS = 16, ROW_BYTES = 20, TILE_ROWS = 24

export function copyRowsTile(args: usize, tile: i32): void {
  const from = <usize>load<i32>(args, FROM), fromRows = <usize>load<i32>(args, FROM_ROWS)
  const to = <usize>load<i32>(args, TO), toRows = <usize>load<i32>(args, TO_ROWS)
  const bytes = <usize>load<i32>(args, ROW_BYTES), tileRows = load<i32>(args, TILE_ROWS)
  const first = tile * tileRows, end = min(first + tileRows, load<i32>(args, ROWS))
  for (let i = first; i < end; i++) {
    const source = fromRows ? load<i32>(fromRows + (<usize>i << 2)) : i
    const target = toRows ? load<i32>(toRows + (<usize>i << 2)) : i
    const a = from + <usize>source * bytes, b = to + <usize>target * bytes
    let at: usize = 0
    for (; at + 16 <= bytes; at += 16) v128.store(b + at, v128.load(a + at))
    for (; at < bytes; at += 4) store<u32>(b + at, load<u32>(a + at))
  }
}
