import zlib from 'node:zlib'
import { paletteOf } from './palette.js'
import type { Pixels } from './pixels.js'

/** Writes a PNG of at most 256 colours, a byte a pixel: a screenshot takes about a third of what it does in full colours. */
export function writeIndexedPng({ width, height, rgb }: Pixels): Buffer {
  const valueAt = (i: number): number => (rgb[3 * i]! << 16) | (rgb[3 * i + 1]! << 8) | rgb[3 * i + 2]!
  const counts = new Map<number, number>()
  for (let i = 0; i < width * height; i++) counts.set(valueAt(i), (counts.get(valueAt(i)) ?? 0) + 1)
  const { palette, indexOf } = paletteOf(counts, 256)
  const rows = new Uint8Array((width + 1) * height)
  for (let i = 0; i < width * height; i++) {
    // The first byte of a row names its filter: none.
    rows[Math.floor(i / width) * (width + 1) + 1 + (i % width)] = indexOf.get(valueAt(i))!
  }
  const header = Buffer.alloc(13)
  header.writeUInt32BE(width, 0)
  header.writeUInt32BE(height, 4)
  header.set([8, 3, 0, 0, 0], 8)
  return Buffer.concat([
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    chunk('IHDR', header),
    chunk('PLTE', Buffer.from(palette.flat())),
    chunk('IDAT', zlib.deflateSync(rows, { level: 9, memLevel: 9 })),
    chunk('IEND', Buffer.alloc(0)),
  ])
}

function chunk(type: string, data: Buffer): Buffer {
  const typed = Buffer.concat([Buffer.from(type, 'latin1'), data])
  const [length, checksum] = [Buffer.alloc(4), Buffer.alloc(4)]
  length.writeUInt32BE(data.length)
  checksum.writeUInt32BE(zlib.crc32(typed))
  return Buffer.concat([length, typed, checksum])
}
