import zlib from 'node:zlib'

/** A picture of 8 bits a channel. */
export interface Pixels {
  readonly width: number
  readonly height: number
  /** width · height · 3 bytes: red, green, blue. */
  readonly rgb: Uint8Array
}

const RGB = 2
const RGBA = 6

/**
 * Reads a PNG as Chromium writes screenshots: 8 bits a channel, not interlaced; what is transparent counts as it is without that.
 * @throws Error for any other PNG
 */
export function readPng(file: Buffer): Pixels {
  const [width, height] = [file.readUInt32BE(16), file.readUInt32BE(20)]
  const [depth, type, , , interlaced] = file.subarray(24, 29)
  if (depth !== 8 || (type !== RGB && type !== RGBA) || interlaced !== 0) {
    throw new Error(
      `the PNG has ${depth} bits a channel, colour type ${type}, interlacing ${interlaced}; expected 8, 2 or 6, 0`,
    )
  }
  const parts: Buffer[] = []
  for (let place = 8; place < file.length; place += 12 + file.readUInt32BE(place)) {
    const length = file.readUInt32BE(place)
    if (file.toString('latin1', place + 4, place + 8) === 'IDAT')
      parts.push(file.subarray(place + 8, place + 8 + length))
  }
  const channels = type === RGB ? 3 : 4
  const bytes = unfilter(zlib.inflateSync(Buffer.concat(parts)), width * channels, height, channels)
  if (channels === 3) return { width, height, rgb: bytes }
  const rgb = new Uint8Array(width * height * 3)
  for (let i = 0; i < width * height; i++) rgb.set(bytes.subarray(4 * i, 4 * i + 3), 3 * i)
  return { width, height, rgb }
}

/** Undoes the five filters of PNG: each row is what differs from the byte to the left, above, or from both. */
function unfilter(data: Uint8Array, stride: number, height: number, channels: number): Uint8Array {
  const bytes = new Uint8Array(stride * height)
  for (let y = 0; y < height; y++) {
    const filter = data[y * (stride + 1)]!
    for (let x = 0; x < stride; x++) {
      const place = y * stride + x
      const left = x >= channels ? bytes[place - channels]! : 0
      const up = y > 0 ? bytes[place - stride]! : 0
      const corner = x >= channels && y > 0 ? bytes[place - stride - channels]! : 0
      const predicted = [0, left, up, (left + up) >> 1, paeth(left, up, corner)][filter]!
      bytes[place] = data[y * (stride + 1) + 1 + x]! + predicted
    }
  }
  return bytes
}

function paeth(left: number, up: number, corner: number): number {
  const guess = left + up - corner
  const [a, b, c] = [Math.abs(guess - left), Math.abs(guess - up), Math.abs(guess - corner)]
  return a <= b && a <= c ? left : b <= c ? up : corner
}
