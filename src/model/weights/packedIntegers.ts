/** Exchanges the halves of every byte: bitsandbytes keeps the even inputs in the upper ones. */
export function swapHalves(codes: Uint8Array): void {
  for (let i = 0; i < codes.length; i++) codes[i] = (codes[i]! >> 4) | (codes[i]! << 4)
}

/** The whole numbers that are packed into words, those in the lower bits first. */
export function unpackWords(words: Int32Array, bits: 4 | 8): Uint8Array /* [words · 32 / bits] */ {
  const bytes = new Uint8Array(words.buffer, words.byteOffset, words.byteLength)
  if (bits === 8) return bytes.slice()
  const numbers = new Uint8Array(2 * bytes.length)
  for (let i = 0; i < bytes.length; i++) {
    numbers[2 * i] = bytes[i]! & 15
    numbers[2 * i + 1] = bytes[i]! >> 4
  }
  return numbers
}

/** The first `columns` columns of a matrix as rows. */
export function transpose<T extends Float32Array | Uint8Array>(
  values: T, // [rows, stride]
  rows: number,
  stride: number,
  columns: number,
): T /* [columns, rows] */ {
  const result = values.slice(0, rows * columns) as T
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) result[column * rows + row] = values[row * stride + column]!
  }
  return result
}

/** Columns that are turned into rows together, so that every line of the processor's cache is read once. */
const TILE = 16

/** As {@link transpose}, of `count` columns of words from `first` on, into `target`. */
export function transposeWords(
  words: Int32Array, // [rows, columns]
  columns: number,
  first: number,
  target: Int32Array, // [count, rows]
): void {
  const rows = words.length / columns
  const count = target.length / rows
  for (let start = 0; start < count; start += TILE) {
    const end = Math.min(count, start + TILE)
    for (let row = 0; row < rows; row++) {
      const at = row * columns + first
      for (let column = start; column < end; column++) target[column * rows + row] = words[at + column]!
    }
  }
}
