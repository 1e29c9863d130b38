import assert from 'node:assert/strict'
import { GrpoError, ShapeError } from '../../src/errors.js'
import { bfloat16ToFloat32, float32ToBfloat16 } from '../../src/io/dtypes.js'
import { quantizeRowsPlainly } from '../../src/quantization/plainQuantizer.js'
import { forEachPiece, quantizedSource, sourceOf, widenRows } from '../../src/quantization/matrixSource.js'
import { quantize } from '../../src/quantization/quantize.js'
import { dequantize, quantizedMatrix } from '../../src/quantization/quantizedMatrix.js'
import { quantizeRowsInVectors } from '../../src/quantization/vectorQuantizer.js'
import type { QuantizedDtype } from '../../src/quantization/weightFormat.js'
import {
  DEFAULT_GROUP_SIZES,
  formatBytes,
  integerFormat,
  quantizedDtypes,
} from '../../src/quantization/weightFormat.js'
import { randomValues } from '../ops/suite.js'

function squaredError(values: Float32Array, approximation: Float32Array): number {
  return values.reduce((sum, value, i) => sum + (value - approximation[i]!) ** 2, 0)
}

/** The error with the scale that the largest number asks for, which most quantisers take. */
function plainError(values: Float32Array, width: number, groupSize: number, high: number): number {
  const approximation = values.slice()
  for (let row = 0; row < values.length; row += width) {
    for (let first = row; first < row + width; first += groupSize) {
      const group = values.subarray(first, Math.min(row + width, first + groupSize))
      const scale = group.reduce((max, value) => Math.max(max, Math.abs(value)), 0) / high
      group.forEach((value, i) => (approximation[first + i] = Math.round(value / scale) * scale))
    }
  }
  return squaredError(values, approximation)
}

describe('quantize', () => {
  for (const dtype of quantizedDtypes) {
    const high = dtype === 'int8' ? 127 : 7
    for (const [out, width, groupSize] of [
      [5, 128, 64],
      [3, 37, 32],
      [17, 130, 128],
      [2, 1, 64],
    ] as const) {
      it(`${dtype}: [${out}, ${width}] in groups of ${groupSize} with no more error than the largest number's scale makes`, () => {
        const values = randomValues(out * width, 1)
        const matrix = quantize(values, [out, width], dtype, groupSize)
        const approximation = dequantize(matrix)
        const plain = plainError(values, width, groupSize, high)
        assert.ok(squaredError(values, approximation) <= plain * (dtype === 'int8' ? 1.001 : 1) + 1e-12)
        assert.equal(
          matrix.codes.byteLength + matrix.scales.byteLength,
          formatBytes([out, width], integerFormat(dtype, groupSize)),
        )
      })
    }

    it(`${dtype}: whole multiples of a scale come back exactly, zeros too`, () => {
      const [low, count] = dtype === 'int8' ? [-127, 255] : [-8, 16]
      const values = Float32Array.from({ length: 128 }, (_, i) => (i < 64 ? (((i * 37) % count) + low) / 64 : 0))
      values[5] = low / 64
      const approximation = dequantize(quantize(values, [1, 128], dtype, 64))
      approximation.forEach((value, i) => {
        assert.ok(Math.abs(value - values[i]!) <= Math.abs(values[i]!) * 1e-6, `${value} for ${values[i]}`)
      })
      assert.ok(approximation.subarray(64).every((value) => value === 0))
    })

    it(`${dtype}: refuses what is not finite, and another number of values`, () => {
      for (const value of [NaN, Infinity, -Infinity]) {
        assert.throws(() => quantize(Float32Array.of(1, value, 0, 2), [1, 4], dtype, 64), GrpoError)
      }
      assert.throws(() => quantize(new Float32Array(3), [1, 4], dtype, 64), ShapeError)
    })

    it(`${dtype}: the smallest and the largest float32 numbers stay finite`, () => {
      for (const size of [2 ** -149, 2 ** -126, 1e-40, 3e38]) {
        const approximation = dequantize(quantize(Float32Array.of(size, -size, size / 2, 0), [1, 4], dtype, 64))
        assert.ok(
          approximation.every((value) => Number.isFinite(value) && Math.abs(value) <= size * 1.2),
          `${size}: ${approximation.join()}`,
        )
      }
    })
  }
})

describe('the quantiser in WebAssembly', () => {
  for (const dtype of quantizedDtypes) {
    for (const [out, width, groupSize] of [
      [1, 1, 16],
      [7, 15, 16],
      [5, 257, 32],
      [33, 576, 64],
      [3, 1000, 128],
      [2, 700, 512],
      // More than is copied at a time: several blocks of rows, and rows that are longer than a block.
      [300, 1037, 64],
      [3, 140_001, 48],
    ] as const) {
      it(`${dtype}: [${out}, ${width}] in groups of ${groupSize} gives the codes and scales of plain JavaScript`, () => {
        const values = oddValues(out * width)
        const bits = float32ToBfloat16(values)
        for (const [given, widened] of [
          [values, values],
          [bits, bfloat16ToFloat32(bits)],
        ] as const) {
          const fast = quantizedMatrix([out, width], integerFormat(dtype, groupSize))
          const plain = quantizedMatrix([out, width], integerFormat(dtype, groupSize))
          assert.equal(quantizeRowsInVectors(given, fast), true)
          assert.equal(quantizeRowsPlainly(widened, plain), true)
          assert.deepEqual(fast.codes, plain.codes)
          assert.deepEqual(new Uint32Array(fast.scales.buffer), new Uint32Array(plain.scales.buffer))
        }
      })
    }

    it(`${dtype}: both see numbers that are not finite, wherever they stand`, () => {
      for (const bad of [NaN, Infinity, -Infinity]) {
        for (const at of [0, 63, 64, 130]) {
          const values = randomValues(131, 2)
          values[at] = bad
          const matrix = quantizedMatrix([1, 131], integerFormat(dtype, 64))
          assert.equal(quantizeRowsInVectors(values, matrix), false)
          assert.equal(quantizeRowsPlainly(values, matrix), false)
        }
      }
    })
  }
})

describe('the quantiser without WebAssembly', () => {
  it('is null, so that plain JavaScript is used', async () => {
    const real = globalThis.WebAssembly
    const anew = '../../src/quantization/vectorQuantizer.js?without'
    const module = (await import(anew)) as { quantizeRowsInVectors: typeof quantizeRowsInVectors }
    Reflect.deleteProperty(globalThis, 'WebAssembly')
    try {
      const matrix = quantizedMatrix([1, 4], integerFormat('int4', 64))
      assert.equal(module.quantizeRowsInVectors(new Float32Array(4), matrix), null)
    } finally {
      globalThis.WebAssembly = real
    }
    // It is looked for once, not with every piece of a matrix.
    assert.equal(
      module.quantizeRowsInVectors(new Float32Array(4), quantizedMatrix([1, 4], integerFormat('int4', 64))),
      null,
    )
  })
})

/** Random numbers of which some blocks are zeros, tiny, huge, ties between codes, or as large on both sides. */
function oddValues(count: number): Float32Array {
  const values = randomValues(count, 4)
  for (let start = 0, kind = 0; start < count; start += 61, kind++) {
    const block = values.subarray(start, start + 61)
    const largest = block.reduce((max, value) => Math.max(max, Math.abs(value)), 0)
    if (kind % 8 === 1) block.fill(-0)
    if (kind % 8 === 2) block.forEach((value, i) => (block[i] = value * 2 ** -120))
    if (kind % 8 === 3) block.forEach((value, i) => (block[i] = (value / largest) * 3.3e38))
    if (kind % 8 === 4) block.forEach((value, i) => (block[i] = Math.round(value * 16) / 2))
    if (kind % 8 === 5) block.set([largest, -largest].slice(0, block.length))
    if (kind % 8 === 6) block.forEach((value, i) => (block[i] = i === 9 ? 100 * value : value * 1e-3))
  }
  return values
}

describe('a matrix that is quantised while it is read', () => {
  const [out, width] = [2100, 600]
  const values = randomValues(out * width, 3)

  function whole(dtype: QuantizedDtype): Float32Array {
    return dequantize(quantize(values, [out, width], dtype, DEFAULT_GROUP_SIZES[dtype]))
  }

  for (const dtype of quantizedDtypes) {
    it(`${dtype}: is what the whole matrix quantised at once is`, () => {
      const source = quantizedSource(sourceOf([out, width], values), dtype)
      const read = new Float32Array(out * width)
      let pieces = 0
      forEachPiece(source, (rows, first, count) => {
        assert.ok(first % 16 === 0 && (count % 16 === 0 || first + count === out))
        read.set(widenRows(rows), first * width)
        pieces++
      })
      assert.ok(pieces > 1)
      assert.deepEqual(read, whole(dtype))
    })
  }

  it('takes bfloat16 numbers too, and names the tensor whose numbers are not finite', () => {
    const bits = float32ToBfloat16(Float32Array.of(1, NaN))
    assert.throws(
      () => quantizedSource(sourceOf([1, 2], bits, 'a.weight'), 'int4').read(0, 1),
      /'a\.weight' cannot be quantised: a weight is NaN; expected a finite number/,
    )
  })
})
