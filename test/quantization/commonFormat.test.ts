import assert from 'node:assert/strict'
import { commonFormat, convertMatrix } from '../../src/quantization/commonFormat.js'
import { dequantize } from '../../src/quantization/quantizedMatrix.js'
import type { QuantizedFormat } from '../../src/quantization/weightFormat.js'
import { NF4_CODEBOOK, quantizedFormats, quantizeTo } from '../fixtures/quantizingEngine.js'
import { randomValues } from '../ops/suite.js'

const {
  int8,
  int4,
  'NF4, groups of 16': nf4,
  '8 bits with offsets': offsets8,
  '4 bits with offsets': offsets4,
} = quantizedFormats

describe('commonFormat', () => {
  const alike: [name: string, formats: QuantizedFormat[], common: QuantizedFormat][] = [
    ['one format', [int4, int4], int4],
    ['groups of 64 and 48', [int8, { ...int8, groupSize: 48 }], { ...int8, groupSize: 16 }],
    ['4 and 8 bits', [int4, int8], { ...int8, groupSize: 32 }],
    ['two codebooks of whole numbers', [int4, offsets4], { ...int8, groupSize: 32, hasOffsets: true }],
    ['with and without offsets', [int4, { ...int4, hasOffsets: true }], { ...int4, hasOffsets: true }],
    [
      'NF4 in groups of 64 and 32',
      [
        { ...nf4, groupSize: 64 },
        { ...nf4, groupSize: 32 },
      ],
      { ...nf4, groupSize: 32 },
    ],
    ["GGUF's Q4_K and Q6_K", [offsets4, { ...int8, groupSize: 16 }], { ...int8, groupSize: 16, hasOffsets: true }],
    ['8 bits with offsets and 4 without', [offsets8, int4], { ...int8, groupSize: 16, hasOffsets: true }],
  ]
  for (const [name, formats, common] of alike) {
    it(`holds the very same numbers: ${name}`, () => {
      assert.deepEqual(commonFormat(formats), common)
      for (const format of formats) {
        for (const width of [1, 37, 64, 130]) {
          const shape = [5, width] as const
          const matrix = quantizeTo(randomValues(5 * width, width), shape, format)
          const converted = convertMatrix(matrix, common)
          assert.deepEqual([converted.shape, converted.format], [shape, common])
          const before = dequantize(matrix)
          assert.ok(before.some((value) => value !== 0))
          assert.ok(dequantize(converted).every((value, i) => value === before[i]))
        }
      }
    })
  }

  it('is none for codebooks that are not whole numbers beside others, and for no formats', () => {
    assert.equal(commonFormat([nf4, int4]), null)
    assert.equal(commonFormat([nf4, int8]), null)
    assert.equal(commonFormat([nf4, { ...nf4, codebook: NF4_CODEBOOK.map((value) => -value) }]), null)
    assert.equal(commonFormat([{ ...int4, codebook: new Float32Array(16).fill(128) }, int8]), null)
    assert.equal(commonFormat([]), null)
  })

  it('leaves a matrix that has the format as it is', () => {
    const matrix = quantizeTo(randomValues(12, 1), [3, 4], int4)
    assert.equal(convertMatrix(matrix, { ...int4 }), matrix)
  })
})
