import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { FileFormatError } from '../../src/errors.js'
import type { SafetensorsDtype } from '../../src/io/dtypes.js'
import { Safetensors } from '../../src/io/safetensors.js'
import { writeSafetensors } from '../../src/io/safetensorsWriter.js'
import { requireShared } from '../shared.js'
import { safetensorsBytes, writeIndex, writeShards } from './safetensorsFile.js'
import { countOpenDescriptors, useTemporaryFolder } from './temporaryFolder.js'

/** Written by safetensors 0.8.0 of Python: safetensors.numpy.save(tensors, metadata={'format': 'pt'}). */
const officialFile = [
  'yAEAAAAAAAB7Il9fbWV0YWRhdGFfXyI6eyJmb3JtYXQiOiJwdCJ9LCJpZHMiOnsiZHR5cGUiOiJJNjQiLCJzaGFwZSI6WzNdLCJkYXRhX29m',
  'ZnNldHMiOlswLDI0XX0sIndpZGUiOnsiZHR5cGUiOiJGNjQiLCJzaGFwZSI6WzFdLCJkYXRhX29mZnNldHMiOlsyNCwzMl19LCJub25lIjp7',
  'ImR0eXBlIjoiRjMyIiwic2hhcGUiOlswLDNdLCJkYXRhX29mZnNldHMiOlszMiwzMl19LCJ3ZWlnaHQiOnsiZHR5cGUiOiJGMzIiLCJzaGFw',
  'ZSI6WzIsMl0sImRhdGFfb2Zmc2V0cyI6WzMyLDQ4XX0sInplcm9fZGltZW5zaW9uYWwiOnsiZHR5cGUiOiJJMzIiLCJzaGFwZSI6W10sImRh',
  'dGFfb2Zmc2V0cyI6WzQ4LDUyXX0sImhhbGYiOnsiZHR5cGUiOiJGMTYiLCJzaGFwZSI6WzNdLCJkYXRhX29mZnNldHMiOls1Miw1OF19LCJt',
  'YXNrIjp7ImR0eXBlIjoiQk9PTCIsInNoYXBlIjpbMl0sImRhdGFfb2Zmc2V0cyI6WzU4LDYwXX19ICABAAAAAAAAAP7/////////AwAAAAAA',
  'AACamZmZmZm5PwAAgD8AACDAAAAAAAAAgH8HAAAAZi7/+wEAAQA=',
].join('')

/** Writes one tensor whose bytes are the given array's. */
function writeOne(file: string, dtype: SafetensorsDtype, elements: ArrayBufferView, length: number): void {
  const data = new Uint8Array(elements.buffer, elements.byteOffset, elements.byteLength)
  writeSafetensors(file, [{ name: 'x', dtype, shape: [length], data }])
}

/** Opens, applies and closes. */
function withTensors<T>(fileOrFolder: string, use: (tensors: Safetensors) => T): T {
  const tensors = Safetensors.open(fileOrFolder)
  try {
    return use(tensors)
  } finally {
    tensors.close()
  }
}

describe('io/safetensors', () => {
  const inFolder = useTemporaryFolder()

  it('reads a file of the official library, and writes the same bytes', () => {
    const bytes = Buffer.from(officialFile, 'base64')
    fs.writeFileSync(inFolder('a.safetensors'), bytes)
    withTensors(inFolder('a.safetensors'), (tensors) => {
      assert.deepEqual(tensors.metadata, { format: 'pt' })
      assert.deepEqual(tensors.names().sort(), ['half', 'ids', 'mask', 'none', 'weight', 'wide', 'zero_dimensional'])
      assert.deepEqual(tensors.info('weight'), { dtype: 'F32', shape: [2, 2], byteLength: 16 })
      assert.deepEqual(tensors.readFloat32('weight'), Float32Array.of(1, -2.5, 0, Infinity))
      assert.deepEqual(tensors.readFloat32('half'), Float32Array.of(0.0999755859375, -65504, 2 ** -24))
      assert.deepEqual(tensors.readFloat32('wide'), Float32Array.of(0.1))
      assert.deepEqual(tensors.readFloat32('none'), new Float32Array(0))
      assert.deepEqual(tensors.readIntegers('ids'), [1, -2, 3])
      assert.deepEqual(tensors.readIntegers('mask'), [1, 0])
      assert.deepEqual(tensors.readIntegers('zero_dimensional'), [7])
      assert.deepEqual(tensors.info('zero_dimensional').shape, [])
      assert.ok(tensors.has('ids') && !tensors.has('idx'))

      const copies = tensors.names().map((name) => ({ name, ...tensors.info(name), data: tensors.read(name) }))
      writeSafetensors(inFolder('b.safetensors'), copies.reverse())
      assert.deepEqual(fs.readFileSync(inFolder('b.safetensors')), bytes)
    })
  })

  it('reads integers of every width and refuses those that a number cannot hold', () => {
    const file = inFolder('a.safetensors')
    const cases: [SafetensorsDtype, ArrayBufferView, number[]][] = [
      ['I64', BigInt64Array.of(-(2n ** 53n) + 1n, 5n), [-(2 ** 53) + 1, 5]],
      ['U64', BigUint64Array.of(2n ** 53n - 1n), [2 ** 53 - 1]],
      ['I32', Int32Array.of(-5, 2 ** 31 - 1), [-5, 2 ** 31 - 1]],
      ['U32', Uint32Array.of(2 ** 32 - 1), [2 ** 32 - 1]],
      ['I16', Int16Array.of(-5), [-5]],
      ['U16', Uint16Array.of(65535), [65535]],
      ['I8', Int8Array.of(-5), [-5]],
      ['U8', Uint8Array.of(255), [255]],
    ]
    for (const [dtype, data, expected] of cases) {
      writeOne(file, dtype, data, expected.length)
      assert.deepEqual(
        withTensors(file, (tensors) => tensors.readIntegers('x')),
        expected,
      )
    }
    for (const value of [2n ** 53n, -(2n ** 63n)]) {
      writeOne(file, 'I64', BigInt64Array.of(value), 1)
      assert.throws(() => withTensors(file, (tensors) => tensors.readIntegers('x')), /'x' holds about -?9\d+; expected/)
    }
  })

  it('refuses to read a tensor as another kind of dtype', () => {
    const file = inFolder('a.safetensors')
    writeOne(file, 'I64', BigInt64Array.of(1n), 1)
    withTensors(file, (tensors) => {
      assert.throws(() => tensors.readFloat32('x'), /'x' has dtype I64; expected F32, F16, BF16 or F64/)
      assert.throws(() => tensors.readBfloat16Bits('x'), /'x' has dtype I64; expected BF16/)
    })
    for (const dtype of ['BF16', 'F16'] as const) {
      writeOne(file, dtype, Uint16Array.of(1), 1)
      assert.throws(
        () => withTensors(file, (tensors) => tensors.readIntegers('x')),
        /expected an integer dtype or BOOL/,
      )
    }
    writeOne(file, 'F8_E4M3', Uint8Array.of(1, 2), 2)
    withTensors(file, (tensors) => {
      assert.throws(() => tensors.readFloat32('x'), FileFormatError)
      assert.throws(() => tensors.readIntegers('x'), FileFormatError)
      assert.deepEqual(tensors.read('x'), Uint8Array.of(1, 2))
    })
  })

  it('names a tensor that is not there, and a file that was closed', () => {
    const file = inFolder('a.safetensors')
    writeOne(file, 'U8', Uint8Array.of(1), 1)
    const tensors = Safetensors.open(file)
    assert.throws(() => tensors.info('toString'), /has no tensor 'toString' among its 1/)
    tensors.close()
    tensors.close()
    assert.throws(() => tensors.read('x'), /was closed/)
  })

  it('says so when the file was cut after it was opened', () => {
    const file = inFolder('a.safetensors')
    writeOne(file, 'U8', new Uint8Array(100), 100)
    withTensors(file, (tensors) => {
      fs.truncateSync(file, fs.statSync(file).size - 10)
      assert.throws(() => tensors.read('x'), /expected 10 more; it was cut/)
    })
  })

  it('converts tensors larger than one read without a seam', () => {
    const file = inFolder('a.safetensors')
    const length = 2 ** 25 + 3
    const bits = new Uint16Array(length).fill(0x3f80)
    bits.set([0x4000, 0x4040, 0x4080, 0x40a0, 0x40c0], length - 5)
    writeSafetensors(file, [{ name: 'x', dtype: 'BF16', shape: [length], data: bits }])
    withTensors(file, (tensors) => {
      const values = tensors.readFloat32('x')
      assert.equal(values.length, length)
      assert.equal(values.indexOf(2), length - 5)
      assert.deepEqual([...values.subarray(-5)], [2, 3, 4, 5, 6])
      assert.ok(Buffer.from(tensors.readBfloat16Bits('x').buffer).equals(Buffer.from(bits.buffer)))
      assert.throws(() => tensors.readIntegers('x'), FileFormatError)
    })
    writeSafetensors(file, [{ name: 'x', dtype: 'U8', shape: [length], data: new Uint8Array(length) }])
    assert.throws(
      () => withTensors(file, (tensors) => tensors.readIntegers('x')),
      /readIntegers takes at most 16777216/,
    )
  })

  it('reads tensors at both ends of a file of more than 4 GiB', () => {
    const file = inFolder('a.safetensors')
    const middle = 5 * 2 ** 30
    const header = safetensorsBytes({
      first: { dtype: 'U8', shape: [4], data_offsets: [0, 4] },
      middle: { dtype: 'BF16', shape: [middle / 2], data_offsets: [4, 4 + middle] },
      last: { dtype: 'F32', shape: [2], data_offsets: [4 + middle, 12 + middle] },
    })
    const descriptor = fs.openSync(file, 'w')
    try {
      fs.writeSync(descriptor, header)
      fs.writeSync(descriptor, Uint8Array.of(1, 2, 3, 4))
      fs.ftruncateSync(descriptor, header.length + 12 + middle)
      fs.writeSync(descriptor, Float32Array.of(1.5, -2), 0, 8, header.length + 4 + middle)
    } finally {
      fs.closeSync(descriptor)
    }
    withTensors(file, (tensors) => {
      assert.equal(tensors.info('middle').byteLength, middle)
      assert.deepEqual(tensors.readIntegers('first'), [1, 2, 3, 4])
      // The last tensor is not aligned in the file.
      assert.deepEqual(tensors.readFloat32('last'), Float32Array.of(1.5, -2))
    })
  })

  describe('a folder', () => {
    it('is read as its single file, as shards, or under another base', () => {
      writeShards(inFolder(), { 'one.safetensors': ['a', 'b'], 'two.safetensors': ['c'] })
      withTensors(inFolder(), (tensors) => {
        assert.deepEqual(tensors.names(), ['a', 'b', 'c'])
        assert.deepEqual(tensors.readIntegers('b'), [2, 3])
        assert.deepEqual(tensors.readIntegers('c'), [0, 1])
      })
      withTensors(inFolder('model.safetensors.index.json'), (tensors) => {
        assert.ok(tensors.has('c'))
      })
      writeOne(inFolder('adapter_model.safetensors'), 'U8', Uint8Array.of(1), 1)
      const adapter = Safetensors.open(inFolder(), { base: 'adapter_model' })
      assert.deepEqual(adapter.names(), ['x'])
      adapter.close()
      // As in transformers, a single file goes before an index.
      writeOne(inFolder('model.safetensors'), 'U8', Uint8Array.of(1), 1)
      withTensors(inFolder(), (tensors) => {
        assert.deepEqual(tensors.names(), ['x'])
      })
    })

    it('may hold symbolic links to files elsewhere, as the Hugging Face cache does', () => {
      fs.mkdirSync(inFolder('blobs'))
      fs.mkdirSync(inFolder('snapshot'))
      writeShards(inFolder('blobs'), { c0ffee: ['a'] })
      fs.symlinkSync(path.join('..', 'blobs', 'c0ffee'), inFolder('snapshot', 'one.safetensors'))
      writeIndex(inFolder('snapshot'), { a: 'one.safetensors' })
      withTensors(inFolder('snapshot'), (tensors) => {
        assert.deepEqual(tensors.readIntegers('a'), [0, 1])
      })
    })
  })

  describe('the reference files', () => {
    it('are read as their own headers say, and written byte for byte', function () {
      const root = requireShared(this, 'golden')
      const files = fs
        .readdirSync(root, { recursive: true, encoding: 'utf8' })
        .filter((name) => name.endsWith('.safetensors'))
      assert.ok(files.length >= 30)
      for (const name of files) checkReferenceFile(path.join(root, name), inFolder('copy.safetensors'))
      assert.equal(countOpenDescriptors(inFolder()) + countOpenDescriptors(root), 0)
    })

    it('of a sharded model hold the same tensors as its shards', function () {
      const folder = requireShared(this, 'golden', 'models', 'llama-rope3-sharded')
      const index = JSON.parse(fs.readFileSync(path.join(folder, 'model.safetensors.index.json'), 'utf8')) as {
        metadata: { total_size: number }
        weight_map: Record<string, string>
      }
      withTensors(folder, (tensors) => {
        assert.deepEqual(tensors.names().sort(), Object.keys(index.weight_map).sort())
        const total = tensors.names().reduce((sum, name) => sum + tensors.info(name).byteLength, 0)
        assert.equal(total, index.metadata.total_size)
        for (const [name, shard] of Object.entries(index.weight_map)) {
          const alone = withTensors(path.join(folder, shard), (file) => file.readFloat32(name))
          assert.deepEqual(tensors.readFloat32(name), alone)
        }
      })
    })
  })
})

/** Compares every tensor with the bytes that the header gives it, and a copy by the writer with the file itself. */
function checkReferenceFile(file: string, copy: string): void {
  const bytes = fs.readFileSync(file)
  const dataStart = 8 + Number(bytes.readBigUInt64LE())
  const header = JSON.parse(bytes.subarray(8, dataStart).toString()) as Record<
    string,
    { dtype: SafetensorsDtype; shape: number[]; data_offsets: [number, number] }
  >
  const names = Object.keys(header).filter((name) => name !== '__metadata__')
  withTensors(file, (tensors) => {
    assert.deepEqual(tensors.names().sort(), names.sort(), file)
    for (const name of names) {
      const { dtype, shape, data_offsets: offsets } = header[name]!
      const [begin, end] = offsets
      assert.deepEqual(tensors.info(name), { dtype, shape, byteLength: end - begin }, `${file} ${name}`)
      const raw = bytes.subarray(dataStart + begin, dataStart + end)
      assert.ok(raw.equals(tensors.read(name)), `${file} ${name}`)
      if (dtype === 'F32') assert.equal(tensors.readFloat32(name).at(-1), raw.readFloatLE(raw.length - 4))
      if (dtype === 'I64') assert.equal(tensors.readIntegers(name)[0], Number(raw.readBigInt64LE(0)))
    }
    const tensorsToWrite = names.map((name) => ({ name, ...tensors.info(name), data: () => tensors.read(name) }))
    writeSafetensors(copy, tensorsToWrite, tensors.metadata)
  })
  const written = fs.readFileSync(copy)
  if (header.__metadata__) assert.ok(written.equals(bytes), file)
  // A file without metadata gets `format`, so only the data can be compared.
  else assert.ok(written.subarray(8 + Number(written.readBigUInt64LE())).equals(bytes.subarray(dataStart)), file)
}
