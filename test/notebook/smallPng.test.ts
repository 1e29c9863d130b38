import assert from 'node:assert/strict'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import zlib from 'node:zlib'
import fc from 'fast-check'

interface SmallPng {
  readPixels: (png: Buffer) => { width: number; height: number; pixels: Uint8Array }
  shrinkPng: (png: Buffer) => Buffer
}

const file = path.resolve(import.meta.dirname, '../../scripts/notebook/stored/smallPng.mjs')
const { readPixels, shrinkPng } = (await import(pathToFileURL(file).href)) as SmallPng

const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])

/** A chunk whose sum is left 0: nothing here looks at it. */
function chunk(type: string, data: Buffer): Buffer {
  const framed = Buffer.alloc(data.length + 12)
  framed.writeUInt32BE(data.length, 0)
  framed.write(type, 4, 'latin1')
  data.copy(framed, 8)
  return framed
}

/** The value that each of PNG's filters takes from a byte, as the standard has it. */
const filters: ((left: number, above: number, corner: number) => number)[] = [
  () => 0,
  (left) => left,
  (_, above) => above,
  (left, above) => Math.floor((left + above) / 2),
  (left, above, corner) => {
    const estimate = left + above - corner
    const nearest = [left, above, corner].map((value) => Math.abs(estimate - value))
    return [left, above, corner][nearest.indexOf(Math.min(...nearest))]!
  },
]

/** A PNG with opacity whose rows use the filters in turn. */
function writeRgba(width: number, height: number, pixels: readonly number[]): Buffer {
  const stride = width * 4
  const at = (y: number, x: number): number => (y < 0 || x < 0 ? 0 : pixels[y * stride + x]!)
  const rows = Array.from({ length: height }, (_, y) => {
    const filter = y % 5
    const bytes = Array.from(
      { length: stride },
      (_, x) => at(y, x) - filters[filter]!(at(y, x - 4), at(y - 1, x), x < 4 ? 0 : at(y - 1, x - 4)),
    )
    return Buffer.from([filter, ...bytes.map((byte) => byte & 255)])
  })
  const header = Buffer.alloc(13)
  header.writeUInt32BE(width, 0)
  header.writeUInt32BE(height, 4)
  header.set([8, 6, 0, 0, 0], 8)
  return Buffer.concat([
    signature,
    chunk('IHDR', header),
    chunk('IDAT', zlib.deflateSync(Buffer.concat(rows))),
    chunk('IEND', Buffer.alloc(0)),
  ])
}

/** The pixels of a PNG with a palette, with the sums of its chunks looked at. */
function readPalette(png: Buffer): number[] {
  const chunks = new Map<string, Buffer>()
  for (let at = 8; at < png.length;) {
    const length = png.readUInt32BE(at)
    const body = png.subarray(at + 4, at + 8 + length)
    if ('crc32' in zlib) assert.equal(png.readUInt32BE(at + 8 + length), (zlib.crc32 as (data: Buffer) => number)(body))
    chunks.set(body.toString('latin1', 0, 4), body.subarray(4))
    at += length + 12
  }
  const [width, height] = [chunks.get('IHDR')!.readUInt32BE(0), chunks.get('IHDR')!.readUInt32BE(4)]
  const rows = zlib.inflateSync(chunks.get('IDAT')!)
  const [colors, opacities] = [chunks.get('PLTE')!, chunks.get('tRNS')!]
  return Array.from({ length: height }, (_, y) => [...rows.subarray(y * (width + 1) + 1, (y + 1) * (width + 1))])
    .flat()
    .flatMap((index) => [...colors.subarray(index * 3, index * 3 + 3), opacities[index]!])
}

describe('small PNGs', () => {
  it('are read with every filter, and written with the same pixels when their colours are few', () => {
    const channel = fc.constantFrom(0, 1, 127, 255)
    const pixel = fc.tuple(channel, channel, channel, fc.constantFrom(0, 40, 255))
    const picture = fc.tuple(fc.integer({ min: 1, max: 7 }), fc.integer({ min: 1, max: 12 })).chain(([width, height]) =>
      fc.record({
        width: fc.constant(width),
        pixels: fc.array(pixel, { minLength: width * height, maxLength: width * height }),
      }),
    )
    fc.assert(
      fc.property(picture, ({ width, pixels }) => {
        const png = writeRgba(width, pixels.length / width, pixels.flat())
        assert.deepEqual([...readPixels(png).pixels], pixels.flat())
        const seen = pixels.map((color) => (color[3] === 0 ? [0, 0, 0, 0] : color))
        assert.deepEqual(readPalette(shrinkPng(png)), seen.flat())
      }),
    )
  })

  it('keep the frequent colours and give rare ones the nearest', () => {
    const frequent = [47, 125, 225, 255]
    const pixels = Array.from({ length: 2000 }, (_, i) =>
      i < 1000 ? frequent : [i % 50, i % 7, Math.floor(i / 8), 255],
    )
    const shown = readPalette(shrinkPng(writeRgba(50, 40, pixels.flat())))
    assert.deepEqual(shown.slice(0, 4), frequent)
    const distance = (a: readonly number[], b: readonly number[]): number =>
      a.reduce((sum, value, i) => sum + (value - b[i]!) ** 2, 0)
    const written = pixels.map((_, i) => shown.slice(i * 4, i * 4 + 4))
    const palette = [...new Map(written.map((color) => [color.join(), color])).values()]
    assert.equal(palette.length, 256)
    for (const [i, color] of pixels.entries())
      assert.equal(distance(color, written[i]!), Math.min(...palette.map((other) => distance(color, other))))
  })

  it('refuse another kind of PNG', () => {
    const gray = writeRgba(1, 1, [0, 0, 0, 255])
    gray[25] = 0
    assert.throws(() => readPixels(gray), /expected a PNG of 8 bits in colour, not interlaced, got depth 8, kind 0/)
  })
})
