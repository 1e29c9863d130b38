/** Panels of keys or values for ./attention, of which ./attentionTile says the layout, from a matrix [S, G·D]. */

// Arguments, 32-bit words. An entry of the list is a panel: first row, rows (1 … 16).
const MATRIX = 0, PANELS = 4, ROW_BYTES = 8, FACTOR = 12, LIST = 16, ENTRIES = 20
const ENTRY_BYTES = 8
/** Panels of a tile. */
export const TILE_PANELS = 4

/** One tile: the next TILE_PANELS panels, times the factor. */
export function attentionPanelsTile(args: usize, tile: i32): void {
  const matrix = <usize>load<i32>(args, MATRIX), panels = <usize>load<i32>(args, PANELS), rowBytes = <usize>load<i32>(args, ROW_BYTES)
  const list = <usize>load<i32>(args, LIST), end = min((tile + 1) * TILE_PANELS, load<i32>(args, ENTRIES))
  for (let panel = tile * TILE_PANELS; panel < end; panel++) {
    const entry = list + <usize>panel * ENTRY_BYTES, from = matrix + <usize>load<i32>(entry) * rowBytes
    packPanel(from, rowBytes, load<i32>(entry, 4), load<f32>(args, FACTOR), panels + <usize>panel * (rowBytes << 4))
  }
}

/** The transposed of up to 16 rows of `rowBytes`, times a factor; columns for which there is no row are 0. */
function packPanel(matrix: usize, rowBytes: usize, rows: i32, factor: f32, to: usize): void {
  const factors = f32x4.splat(factor)
  let column: usize = 0
  for (; column + 16 <= rowBytes; column += 16) {
    for (let row = 0; row < 16; row += 4) {
      const at = matrix + <usize>row * rowBytes + column, left = rows - row
      const x0 = part(at, left > 0, factors), x1 = part(at + rowBytes, left > 1, factors)
      const x2 = part(at + 2 * rowBytes, left > 2, factors), x3 = part(at + 3 * rowBytes, left > 3, factors)
      const y0 = v128.shuffle<i32>(x0, x1, 0, 4, 1, 5), y1 = v128.shuffle<i32>(x2, x3, 0, 4, 1, 5)
      const y2 = v128.shuffle<i32>(x0, x1, 2, 6, 3, 7), y3 = v128.shuffle<i32>(x2, x3, 2, 6, 3, 7)
      const out = to + (column << 4) + (<usize>row << 2)
      v128.store(out, v128.shuffle<i64>(y0, y1, 0, 2))
      v128.store(out, v128.shuffle<i64>(y0, y1, 1, 3), 64)
      v128.store(out, v128.shuffle<i64>(y2, y3, 0, 2), 128)
      v128.store(out, v128.shuffle<i64>(y2, y3, 1, 3), 192)
    }
  }
  for (; column < rowBytes; column += 4) {
    for (let row = 0; row < 16; row++) {
      const x: f32 = row < rows ? load<f32>(matrix + <usize>row * rowBytes + column) * factor : 0
      store<f32>(to + (column << 4) + (<usize>row << 2), x)
    }
  }
}

/** Four numbers of a row times a factor, 0 where there is no row. */
// @ts-ignore: decorator
@inline
function part(at: usize, exists: bool, factors: v128): v128 {
  return exists ? f32x4.mul(v128.load(at), factors) : f32x4.splat(0)
}
