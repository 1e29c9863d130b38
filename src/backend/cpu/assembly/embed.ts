/** Rows of a weight that is stored in panels (./gemm, modes 0, 1, 5 and 6), as float32. A tile is TILE_ROWS rows. */

// Arguments, 32-bit words. IDS is the address of the numbers of the weight's rows.
const WEIGHT = 0, IDS = 4, OUT = 8, ROWS = 12, WIDTH = 16, MODE = 20, TILE_ROWS = 24
// Of codes; see ./codes.
const SCALES = 28, OFFSETS = 32, CODEBOOK = 36, GROUP_SIZE = 40

export function embedTile(args: usize, tile: i32): void {
  const weight = <usize>load<i32>(args, WEIGHT), ids = <usize>load<i32>(args, IDS), width = load<i32>(args, WIDTH)
  const first = tile * load<i32>(args, TILE_ROWS), end = min(load<i32>(args, ROWS), first + load<i32>(args, TILE_ROWS))
  const mode = load<i32>(args, MODE)
  let out = <usize>load<i32>(args, OUT) + (<usize>first * width << 2)
  for (let row = first; row < end; row++) {
    const id = load<i32>(ids + (<usize>row << 2)), panel = <usize>(id >> 4) * width, column = id & 15
    if (mode >= 5) {
      scaleRow(args, weight, id, width, mode == 6, out)
      out += <usize>width << 2
    } else if (mode == 1) {
      // Column j is the lower half of word j, and column j + 8 the upper one.
      let at = weight + (panel << 5) + (<usize>(column & 7) << 2) + (<usize>(column >> 3) << 1)
      for (let k = 0; k < width; k++, at += 32, out += 4) store<u32>(out, <u32>load<u16>(at) << 16)
    } else {
      let at = weight + (panel << 6) + (<usize>column << 2)
      for (let k = 0; k < width; k++, at += 64, out += 4) store<u32>(out, load<u32>(at))
    }
  }
}

/** A row of codes. */
function scaleRow(args: usize, weight: usize, id: i32, width: i32, int4: bool, out: usize): void {
  const groupSize = load<i32>(args, GROUP_SIZE), groups = (width + groupSize - 1) / groupSize, panel = <usize>(id >> 4)
  const column = <usize>(id & 15), before = (panel * groups << 6) + (column << 2)
  const codes = weight + (panel * (int4 ? (width + 1) >> 1 : width) << 4) + column
  const codebook = <usize>load<i32>(args, CODEBOOK), scales = <usize>load<i32>(args, SCALES) + before
  const offsets = <usize>load<i32>(args, OFFSETS)
  for (let k = 0; k < width; k++, out += 4) {
    const group = <usize>(k / groupSize) << 6
    let x: f32
    if (int4) {
      const pair = <i32>load<u8>(codes + (<usize>(k >> 1) << 4)), code = (k & 1 ? pair >> 4 : pair) & 15
      x = load<f32>(codebook + (<usize>code << 2))
    } else x = <f32>load<i8>(codes + (<usize>k << 4))
    x *= load<f32>(scales + group)
    if (offsets) x += load<f32>(offsets + before + group)
    store<f32>(out, x)
  }
}
