import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { GgufFile, decodeRows } from '../../../src/model/gguf/ggufFile.js'
import { widenRows } from '../../../src/quantization/matrixSource.js'
import { dequantize } from '../../../src/quantization/quantizedMatrix.js'

const FIXTURES = path.resolve(import.meta.dirname, '../../fixtures/gguf')

/** SHA-256 of the bits, every NaN as the same one. */
function digest(values: Float32Array): string {
  const bits = new Uint32Array(values.slice().buffer)
  values.forEach((value, i) => {
    if (Number.isNaN(value)) bits[i] = 0x7fc00000
  })
  return createHash('sha256').update(new Uint8Array(bits.buffer)).digest('hex')
}

describe('the tensor types of GGUF', () => {
  const expected = JSON.parse(fs.readFileSync(path.join(FIXTURES, 'types.json'), 'utf8')) as Record<string, string>
  const gguf = GgufFile.open(path.join(FIXTURES, 'types.gguf'))
  after(() => {
    gguf.close()
  })

  it('are all there', () => {
    assert.deepEqual([...gguf.tensors.keys()].sort(), Object.keys(expected).sort())
  })

  for (const [name, hash] of Object.entries(expected)) {
    it(`${name} stands for the very numbers of gguf-py's dequantize, whole and row by row`, () => {
      const tensor = gguf.tensors.get(name)!
      const [out, width] = tensor.shape as [number, number]
      const whole = decodeRows(tensor, gguf.readRows(tensor, 0, out))
      assert.equal(digest(widenRows(whole)), hash)
      if ('codes' in whole) assert.equal(digest(dequantize(whole)), hash)
      const values = new Float32Array(out * width)
      for (let row = 0; row < out; row++) {
        values.set(widenRows(decodeRows(tensor, gguf.readRows(tensor, row, 1))), row * width)
      }
      assert.equal(digest(values), hash)
    })
  }
})
