import assert from 'node:assert/strict'
import fc from 'fast-check'
import {
  bfloat16ToFloat32,
  float16ToFloat32,
  float32ToBfloat16,
  float32ToFloat16,
  tensorByteLength,
} from '../../src/io/dtypes.js'

const allPatterns = Uint16Array.from({ length: 65536 }, (_, i) => i)
const float32 = fc.float({ noNaN: true })

function bfloat16(value: number): number {
  return float32ToBfloat16(Float32Array.of(value))[0]!
}

function float16(value: number): number {
  return float32ToFloat16(Float32Array.of(value))[0]!
}

/**
 * The finite values of a 16-bit format, ascending by pattern; rounding picks the nearest of them, at a tie the even
 * pattern.
 */
function nearestByDefinition(value: number, positives: Float32Array, overflow: number): number {
  const magnitude = Math.abs(value)
  if (magnitude >= overflow) return Infinity
  let low = 0
  let high = positives.length - 1
  while (high - low > 1) {
    const middle = (low + high) >> 1
    if (positives[middle]! <= magnitude) low = middle
    else high = middle
  }
  const below = magnitude - positives[low]!
  const above = positives[high]! - magnitude
  if (below === above) return positives[low % 2 === 0 ? low : high]!
  return positives[below < above ? low : high]!
}

describe('io/dtypes', () => {
  describe('bfloat16', () => {
    it('keeps every pattern through float32 and back, NaN as NaN', () => {
      const values = bfloat16ToFloat32(allPatterns)
      const back = float32ToBfloat16(values)
      for (let i = 0; i < 65536; i++) {
        if (Number.isNaN(values[i])) assert.ok(Number.isNaN(bfloat16ToFloat32(back.subarray(i, i + 1))[0]))
        else assert.equal(back[i], i)
      }
    })

    it('has the patterns of the format', () => {
      assert.equal(bfloat16(1), 0x3f80)
      assert.equal(bfloat16(-2), 0xc000)
      assert.equal(bfloat16(-0), 0x8000)
      assert.equal(bfloat16(Infinity), 0x7f80)
      assert.equal(bfloat16(-Infinity), 0xff80)
    })

    it('rounds to nearest, ties to even', () => {
      assert.equal(bfloat16(1 + 2 ** -8), 0x3f80)
      assert.equal(bfloat16(1 + 2 ** -8 + 2 ** -20), 0x3f81)
      assert.equal(bfloat16(1 + 3 * 2 ** -8), 0x3f82)
      const positives = bfloat16ToFloat32(allPatterns.subarray(0, 0x7f80))
      fc.assert(
        fc.property(float32, (value) => {
          const rounded = Math.abs(bfloat16ToFloat32(float32ToBfloat16(Float32Array.of(value)))[0]!)
          assert.equal(rounded, nearestByDefinition(value, positives, 2 ** 128 * (1 - 2 ** -9)))
        }),
      )
    })

    it('keeps a NaN whose payload lies in the lost bits', () => {
      const values = new Float32Array(Uint32Array.of(0x7f800001, 0xff800001, 0x7fffffff, 0xffffffff).buffer)
      for (const value of bfloat16ToFloat32(float32ToBfloat16(values))) assert.ok(Number.isNaN(value))
    })

    it('works on a view that does not begin at its buffer', () => {
      const values = Float32Array.of(9, 1, -2).subarray(1)
      assert.deepEqual(float32ToBfloat16(values), Uint16Array.of(0x3f80, 0xc000))
      const output = new Float32Array(4)
      bfloat16ToFloat32(Uint16Array.of(0, 0x3f80, 0xc000).subarray(1), output.subarray(2))
      assert.deepEqual(output, Float32Array.of(0, 0, 1, -2))
    })
  })

  describe('float16', () => {
    it('keeps every pattern through float32 and back, NaN as NaN', () => {
      const values = float16ToFloat32(allPatterns)
      const back = float32ToFloat16(values)
      for (let i = 0; i < 65536; i++) {
        if (Number.isNaN(values[i])) assert.ok(Number.isNaN(float16ToFloat32(back.subarray(i, i + 1))[0]))
        else assert.equal(back[i], i)
      }
    })

    it('has the patterns of the format', () => {
      assert.equal(float16(1), 0x3c00)
      assert.equal(float16(-2), 0xc000)
      assert.equal(float16(0.1), 0x2e66)
      assert.equal(float16(65504), 0x7bff)
      assert.equal(float16(-0), 0x8000)
      assert.equal(float16(2 ** -14), 0x0400)
      assert.equal(float16(2 ** -24), 0x0001)
      assert.equal(float16(Infinity), 0x7c00)
      assert.equal(float16(-Infinity), 0xfc00)
    })

    it('overflows to infinity at 65520, underflows to zero at 2^-25', () => {
      assert.equal(float16(65519.99609375), 0x7bff)
      assert.equal(float16(65520), 0x7c00)
      assert.equal(float16(-1e38), 0xfc00)
      assert.equal(float16(2 ** -25), 0)
      assert.equal(float16(2 ** -25 + 2 ** -40), 1)
      assert.equal(float16(-(2 ** -140)), 0x8000)
    })

    it('rounds to nearest, ties to even, subnormals too', () => {
      const positives = float16ToFloat32(allPatterns.subarray(0, 0x7c00))
      const inRange = fc.float({ min: -70000, max: 70000, noNaN: true })
      const small = fc.float({ min: -Math.fround(2 ** -13), max: Math.fround(2 ** -13), noNaN: true })
      const ties = fc.nat(0x7bfe).map((i) => (positives[i]! + positives[i + 1]!) / 2)
      fc.assert(
        fc.property(fc.oneof(inRange, small, ties), (value) => {
          const rounded = Math.abs(float16ToFloat32(float32ToFloat16(Float32Array.of(value)))[0]!)
          assert.equal(rounded, nearestByDefinition(value, positives, 65520))
        }),
        { numRuns: 1000 },
      )
    })

    it('keeps a NaN whose payload lies in the lost bits', () => {
      const values = new Float32Array(Uint32Array.of(0x7f800001, 0xff800001, 0x7fffffff, 0xffffffff).buffer)
      for (const value of float16ToFloat32(float32ToFloat16(values))) assert.ok(Number.isNaN(value))
    })
  })

  it('gives the bytes of a shape, or undefined for an impossible one', () => {
    assert.equal(tensorByteLength('F32', [2, 3]), 24)
    assert.equal(tensorByteLength('I64', []), 8)
    assert.equal(tensorByteLength('BF16', [0, 5]), 0)
    for (const shape of [[-1], [1.5], [NaN], [2 ** 53], [2 ** 27, 2 ** 27]]) {
      assert.equal(tensorByteLength('U8', shape), undefined)
    }
  })
})
