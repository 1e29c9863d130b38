/**
 * Panels of keys or values for ./attention, of which ./attentionTile says the layout, from a matrix [S, G·D]: for a call of attention, or
 * a few rows that are added to a cache of panels.
 */

// Arguments, 32-bit words. An entry of the list: first row of the matrix, rows (1 … 16), panel and column that the first one goes to.
const MATRIX = 0, PANELS = 4, ROW_BYTES = 8, FACTOR = 12, LIST = 16, ENTRIES = 20
const ENTRY_BYTES = 16
/** Entries of a tile. */
export const TILE_PANELS = 4

/** One tile: the rows of the next TILE_PANELS entries, times the factor, as columns of panels. Other columns are not touched. */
export function attentionPanelsTile(args: usize, tile: i32): void {
  const matrix = <usize>load<i32>(args, MATRIX), panels = <usize>load<i32>(args, PANELS), rowBytes = <usize>load<i32>(args, ROW_BYTES)
  const factor = load<f32>(args, FACTOR), list = <usize>load<i32>(args, LIST)
  const end = min((tile + 1) * TILE_PANELS, load<i32>(args, ENTRIES))
  for (let i = tile * TILE_PANELS; i < end; i++) {
    const entry = list + <usize>i * ENTRY_BYTES, from = matrix + <usize>load<i32>(entry) * rowBytes, rows = load<i32>(entry, 4)
    const to = panels + <usize>load<i32>(entry, 8) * (rowBytes << 4) + (<usize>load<i32>(entry, 12) << 2)
    const done = rows == 16 ? packPanel(from, rowBytes, factor, to) : 0
    for (let row = 0; row < rows; row++) packRow(from + <usize>row * rowBytes, done, rowBytes, factor, to + (<usize>row << 2))
  }
}

/** Numbers of a row from byte `at` on, times a factor, as a column of a panel. */
// @ts-ignore: decorator
@inline
function packRow(row: usize, at: usize, rowBytes: usize, factor: f32, to: usize): void {
  const factors = f32x4.splat(factor)
  for (; at + 16 <= rowBytes; at += 16) {
    const x = f32x4.mul(v128.load(row + at), factors), out = to + (at << 4)
    v128.store_lane<f32>(out, x, 0)
    v128.store_lane<f32>(out, x, 1, 64)
    v128.store_lane<f32>(out, x, 2, 128)
    v128.store_lane<f32>(out, x, 3, 192)
  }
  for (; at < rowBytes; at += 4) store<f32>(to + (at << 4), load<f32>(row + at) * factor)
}

/** The transposed of 16 rows of `rowBytes`, times a factor, up to the last whole vector of a row; the bytes of a row that are done. */
function packPanel(matrix: usize, rowBytes: usize, factor: f32, to: usize): usize {
  const factors = f32x4.splat(factor)
  let column: usize = 0
  for (; column + 16 <= rowBytes; column += 16) {
    for (let row: usize = 0; row < 16; row += 4) {
      const at = matrix + row * rowBytes + column
      const x0 = f32x4.mul(v128.load(at), factors), x1 = f32x4.mul(v128.load(at + rowBytes), factors)
      const x2 = f32x4.mul(v128.load(at + 2 * rowBytes), factors), x3 = f32x4.mul(v128.load(at + 3 * rowBytes), factors)
      const y0 = v128.shuffle<i32>(x0, x1, 0, 4, 1, 5), y1 = v128.shuffle<i32>(x2, x3, 0, 4, 1, 5)
      const y2 = v128.shuffle<i32>(x0, x1, 2, 6, 3, 7), y3 = v128.shuffle<i32>(x2, x3, 2, 6, 3, 7)
      const out = to + (column << 4) + (row << 2)
      v128.store(out, v128.shuffle<i64>(y0, y1, 0, 2))
      v128.store(out, v128.shuffle<i64>(y0, y1, 1, 3), 64)
      v128.store(out, v128.shuffle<i64>(y2, y3, 0, 2), 128)
      v128.store(out, v128.shuffle<i64>(y2, y3, 1, 3), 192)
    }
  }
  return column
}

// Arguments of the copy: panels and the two panels that the runs begin with, keys, bytes of a panel.
const COPY_PANELS = 0, COPY_FROM = 4, COPY_TO = 8, COPY_KEYS = 12, COPY_PANEL_BYTES = 16

/** One tile: the keys of one panel of a run, copied to another run. Columns behind the last key are not touched. */
export function attentionPanelCopyTile(args: usize, tile: i32): void {
  const panels = <usize>load<i32>(args, COPY_PANELS), bytes = <usize>load<i32>(args, COPY_PANEL_BYTES)
  const from = panels + <usize>(load<i32>(args, COPY_FROM) + tile) * bytes, to = panels + <usize>(load<i32>(args, COPY_TO) + tile) * bytes
  const keys = <usize>min(16, load<i32>(args, COPY_KEYS) - tile * 16) << 2
  for (let row: usize = 0; row < bytes; row += 64) {
    for (let at = row; at < row + keys; at += 4) store<f32>(to + at, load<f32>(from + at))
  }
}
