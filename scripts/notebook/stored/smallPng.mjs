// PNG with a palette: charts have few colours, and take a fifth of the bytes that Chromium gives them.
import zlib from 'node:zlib'

const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])

/** Colours of a palette. */
const MOST_COLORS = 256

/** The chunks of a PNG with their types. */
function readChunks(png) {
  const chunks = []
  for (let at = signature.length; at < png.length;) {
    const length = png.readUInt32BE(at)
    chunks.push({ type: png.toString('latin1', at + 4, at + 8), data: png.subarray(at + 8, at + 8 + length) })
    at += length + 12
  }
  return chunks
}

function chunk(type, data) {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data])
  const framed = Buffer.alloc(body.length + 8)
  framed.writeUInt32BE(data.length, 0)
  body.copy(framed, 4)
  framed.writeUInt32BE(zlib.crc32?.(body) ?? crc32(body), body.length + 4)
  return framed
}

/** For Node before 20.15. */
function crc32(bytes) {
  let crc = -1
  for (const byte of bytes) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0)
  }
  return ~crc >>> 0
}

/** What one of PNG's five filters expects of a byte, from the pixel on its left, the one above it and the one between those. */
function predict(filter, left, above, corner) {
  if (filter < 2) return filter === 0 ? 0 : left
  if (filter === 2) return above
  if (filter === 3) return (left + above) >> 1
  const [a, b, c] = [Math.abs(above - corner), Math.abs(left - corner), Math.abs(left + above - 2 * corner)]
  if (a <= b && a <= c) return left
  return b <= c ? above : corner
}

/**
 * The pixels of a PNG with 8 bits a channel, in colour or in colour with opacity, not interlaced: what Chromium writes.
 * @param {Buffer} png
 * @returns {{ width: number, height: number, pixels: Uint8Array }} [height][width] of red, green, blue, opacity
 * @throws Error for another kind of PNG
 */
export function readPixels(png) {
  const chunks = readChunks(png)
  const header = chunks[0].data
  const [width, height] = [header.readUInt32BE(0), header.readUInt32BE(4)]
  const [depth, kind, , , interlace] = header.subarray(8)
  if (depth !== 8 || (kind !== 2 && kind !== 6) || interlace !== 0)
    throw new Error(`expected a PNG of 8 bits in colour, not interlaced, got depth ${depth}, kind ${kind}, interlace ${interlace}`) // prettier-ignore
  const size = kind === 6 ? 4 : 3
  const data = zlib.inflateSync(Buffer.concat(chunks.filter(({ type }) => type === 'IDAT').map((part) => part.data)))
  const stride = width * size
  const pixels = new Uint8Array(width * height * 4).fill(255)
  let previous = new Uint8Array(stride)
  for (let y = 0; y < height; y++) {
    const filter = data[y * (stride + 1)]
    const row = new Uint8Array(data.subarray(y * (stride + 1) + 1, (y + 1) * (stride + 1)))
    for (let x = 0; x < stride; x++) {
      const left = x < size ? 0 : row[x - size]
      const corner = x < size ? 0 : previous[x - size]
      row[x] += predict(filter, left, previous[x], corner)
      pixels[(y * width + Math.floor(x / size)) * 4 + (x % size)] = row[x]
    }
    previous = row
  }
  return { width, height, pixels }
}

/** Red, green and blue as they are seen, and opacity: colours that look alike are near each other, on any ground. */
function premultiplied(color) {
  const opacity = color & 255
  return [24, 16, 8].map((shift) => (((color >>> shift) & 255) * opacity) / 255).concat(opacity)
}

/** The pixels as places in a palette: the colours that are there most often, for all others the one that is nearest. */
function indexColors(pixels) {
  const counts = new Map()
  const colors = new Uint32Array(pixels.length / 4)
  for (let i = 0; i < colors.length; i++) {
    const [r, g, b, a] = pixels.subarray(i * 4, i * 4 + 4)
    colors[i] = a === 0 ? 0 : (r << 24) | (g << 16) | (b << 8) | a
    counts.set(colors[i], (counts.get(colors[i]) ?? 0) + 1)
  }
  const ranked = [...counts.keys()].sort((a, b) => counts.get(b) - counts.get(a))
  const palette = ranked.slice(0, MOST_COLORS)
  const places = palette.map(premultiplied)
  const indexOf = new Map(palette.map((color, index) => [color, index]))
  for (const color of ranked.slice(MOST_COLORS)) {
    const own = premultiplied(color)
    const distances = places.map((place) => place.reduce((sum, value, i) => sum + (value - own[i]) ** 2, 0))
    indexOf.set(color, distances.indexOf(Math.min(...distances)))
  }
  return { palette, indices: Uint8Array.from(colors, (color) => indexOf.get(color)) }
}

/**
 * Writes a picture anew with a palette. Rare colours beyond 256 become the nearest of the others.
 * @param {Buffer} png of a kind that {@link readPixels} reads
 * @returns {Buffer}
 */
export function shrinkPng(png) {
  const { width, height, pixels } = readPixels(png)
  const { palette, indices } = indexColors(pixels)
  const header = Buffer.alloc(13)
  header.writeUInt32BE(width, 0)
  header.writeUInt32BE(height, 4)
  header.set([8, 3, 0, 0, 0], 8)
  const rows = Buffer.alloc(height * (width + 1)) // each begins with its filter, 0
  for (let y = 0; y < height; y++) rows.set(indices.subarray(y * width, (y + 1) * width), y * (width + 1) + 1)
  return Buffer.concat([
    signature,
    chunk('IHDR', header),
    chunk('PLTE', Buffer.from(palette.flatMap((color) => [color >>> 24, (color >>> 16) & 255, (color >>> 8) & 255]))),
    chunk('tRNS', Buffer.from(palette.map((color) => color & 255))),
    chunk('IDAT', zlib.deflateSync(rows, { level: 9 })),
    chunk('IEND', Buffer.alloc(0)),
  ])
}
