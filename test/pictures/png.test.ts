import assert from 'node:assert/strict'
import zlib from 'node:zlib'
import { writeIndexedPng } from '../../scripts/pictures/png/indexed.js'
import { readPng } from '../../scripts/pictures/png/pixels.js'
import type { Pixels } from '../../scripts/pictures/png/pixels.js'

const WIDTH = 7
const HEIGHT = 10

function chunk(type: string, data: Buffer): Buffer {
  const length = Buffer.alloc(4)
  length.writeUInt32BE(data.length)
  const typed = Buffer.concat([Buffer.from(type, 'latin1'), data])
  const checksum = Buffer.alloc(4)
  checksum.writeUInt32BE(zlib.crc32(typed))
  return Buffer.concat([length, typed, checksum])
}

/** A PNG whose rows are written with all five filters in turn. */
function filteredPng({ width, height, rgb }: Pixels, type: 2 | 6): Buffer {
  const channels = type === 2 ? 3 : 4
  const at = (x: number, y: number, channel: number): number => {
    if (x < 0 || y < 0) return 0
    return channel === 3 ? 255 : rgb[3 * (y * width + x) + channel]!
  }
  const rows: number[] = []
  for (let y = 0; y < height; y++) {
    const filter = y % 5
    rows.push(filter)
    for (let x = 0; x < width; x++) {
      for (let channel = 0; channel < channels; channel++) {
        const [a, b, c] = [at(x - 1, y, channel), at(x, y - 1, channel), at(x - 1, y - 1, channel)]
        const nearest = [a, b, c].toSorted((one, other) => Math.abs(a + b - c - one) - Math.abs(a + b - c - other))[0]!
        const predicted = [0, a, b, Math.floor((a + b) / 2), nearest][filter]!
        rows.push((at(x, y, channel) - predicted) & 255)
      }
    }
  }
  const header = Buffer.alloc(13)
  header.writeUInt32BE(width, 0)
  header.writeUInt32BE(height, 4)
  header.set([8, type, 0, 0, 0], 8)
  const data = zlib.deflateSync(Buffer.from(rows))
  // Two chunks of data, as encoders write them.
  const parts = [data.subarray(0, 10), data.subarray(10)].map((part) => chunk('IDAT', part))
  return Buffer.concat([
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    chunk('IHDR', header),
    ...parts,
    chunk('IEND', Buffer.alloc(0)),
  ])
}

/** Colours of an indexed PNG, pixel by pixel. */
function readIndexed(png: Buffer): number[][] {
  const chunks = new Map<string, Buffer>()
  for (let place = 8; place < png.length; place += 12 + png.readUInt32BE(place)) {
    chunks.set(
      png.toString('latin1', place + 4, place + 8),
      png.subarray(place + 8, place + 8 + png.readUInt32BE(place)),
    )
  }
  const palette = chunks.get('PLTE')!
  const rows = zlib.inflateSync(chunks.get('IDAT')!)
  const width = png.readUInt32BE(16)
  return [...rows].flatMap((index, i) =>
    i % (width + 1) === 0 ? [] : [[...palette.subarray(3 * index, 3 * index + 3)]],
  )
}

describe('pictures as PNG', () => {
  const rgb = Uint8Array.from({ length: WIDTH * HEIGHT * 3 }, (_, i) => (i * i * 37 + i * 11) & 255)
  const pixels = { width: WIDTH, height: HEIGHT, rgb }

  it('are read whatever the filters of their rows', () => {
    assert.deepEqual(readPng(filteredPng(pixels, 2)), pixels)
    assert.deepEqual(readPng(filteredPng(pixels, 6)), pixels)
    assert.throws(() => readPng(writeIndexedPng(pixels)), /colour type 3, .*expected 8, 2 or 6/)
  })

  it('of few colours are written as they are', () => {
    const colors = Array.from({ length: WIDTH * HEIGHT }, (_, i) => [...rgb.subarray(3 * i, 3 * i + 3)])
    assert.deepEqual(readIndexed(writeIndexedPng(pixels)), colors)
  })

  it('of many colours are written with 256 near ones', () => {
    const size = 64
    const gradient = Uint8Array.from({ length: size * size * 3 }, (_, i) => {
      const [x, y] = [Math.floor(i / 3) % size, Math.floor(i / 3 / size)]
      return [4 * x, 4 * y, 255 - 2 * x - 2 * y][i % 3]!
    })
    const written = readIndexed(writeIndexedPng({ width: size, height: size, rgb: gradient }))
    assert.ok(new Set(written.map(String)).size <= 256)
    const worst = written.flat().reduce((most, value, i) => Math.max(most, Math.abs(value - gradient[i]!)), 0)
    assert.ok(worst <= 24, `a channel is ${worst} off`)
  })
})
