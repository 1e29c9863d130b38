import assert from 'node:assert/strict'
import fs from 'node:fs'
import fc from 'fast-check'
import { GrpoError, ShapeError } from '../../src/errors.js'
import { bytesPerElement } from '../../src/io/dtypes.js'
import type { SafetensorsDtype } from '../../src/io/dtypes.js'
import { Safetensors } from '../../src/io/safetensors.js'
import { writeSafetensors, writeShardedSafetensors } from '../../src/io/safetensorsWriter.js'
import type { TensorToWrite } from '../../src/io/safetensorsWriter.js'
import { useTemporaryFolder } from './temporaryFolder.js'

const dtypes = Object.keys(bytesPerElement) as SafetensorsDtype[]

const tensor: fc.Arbitrary<TensorToWrite> = fc
  .record({
    name: fc.string({ unit: 'grapheme' }).filter((name) => name !== '__metadata__'),
    dtype: fc.constantFrom(...dtypes),
    shape: fc.array(fc.nat(4), { maxLength: 3 }),
  })
  .chain((info) => {
    const length = info.shape.reduce((a, b) => a * b, bytesPerElement[info.dtype])
    return fc.uint8Array({ minLength: length, maxLength: length }).map((data) => ({ ...info, data }))
  })

function readAll(fileOrFolder: string): Map<string, unknown> {
  const tensors = Safetensors.open(fileOrFolder)
  try {
    return new Map(tensors.names().map((name) => [name, { ...tensors.info(name), data: tensors.read(name) }]))
  } finally {
    tensors.close()
  }
}

const ones = (name: string, length: number): TensorToWrite => ({
  name,
  dtype: 'F32',
  shape: [length],
  data: () => new Float32Array(length).fill(1),
})

describe('io/safetensorsWriter', () => {
  const inFolder = useTemporaryFolder()

  it('writes what the reader reads, for any names, dtypes, shapes and metadata', () => {
    const file = inFolder('a.safetensors')
    const anyTensors = fc.uniqueArray(tensor, { selector: ({ name }) => name, maxLength: 6 })
    fc.assert(
      fc.property(anyTensors, fc.dictionary(fc.string(), fc.string()), (tensors, metadata) => {
        writeSafetensors(file, tensors, metadata)
        const expected = tensors.map(({ name, dtype, shape, data }) => {
          const bytes = data as Uint8Array
          return [name, { dtype, shape, byteLength: bytes.length, data: bytes }] as const
        })
        assert.deepEqual(readAll(file), new Map(expected))
        const opened = Safetensors.open(file)
        assert.deepEqual(Object.entries(opened.metadata).sort(), Object.entries({ format: 'pt', ...metadata }).sort())
        opened.close()
      }),
      { numRuns: 100 },
    )
  })

  it('pads the header with spaces to 8 bytes and aligns every tensor', () => {
    const file = inFolder('a.safetensors')
    for (let nameLength = 1; nameLength <= 8; nameLength++) {
      writeSafetensors(file, [
        { name: 'byte'.padEnd(nameLength, 'e'), dtype: 'U8', shape: [3], data: Uint8Array.of(1, 2, 3) },
        { name: 'half', dtype: 'BF16', shape: [1], data: Uint16Array.of(0x3f80) },
        { name: 'b', dtype: 'F32', shape: [1], data: Float32Array.of(2) },
        { name: 'a', dtype: 'I32', shape: [1], data: Int32Array.of(-1) },
        { name: 'id', dtype: 'I64', shape: [1], data: BigInt64Array.of(-1n) },
      ])
      const bytes = fs.readFileSync(file)
      const length = Number(bytes.readBigUInt64LE())
      assert.equal(length % 8, 0)
      assert.match(
        bytes.subarray(8, 8 + length).toString(),
        /^\{"__metadata__":\{"format":"pt"\},"id".*"a".*"b".*"half".*\} *$/,
      )
      assert.equal(bytes.length, 8 + length + 8 + 4 + 4 + 2 + 3)
    }
  })

  it('takes only the elements of a view', () => {
    writeSafetensors(inFolder('a'), [
      { name: 'x', dtype: 'F32', shape: [1], data: Float32Array.of(1, 2, 3).subarray(1, 2) },
    ])
    const tensors = Safetensors.open(inFolder('a'))
    assert.deepEqual(tensors.readFloat32('x'), Float32Array.of(2))
    tensors.close()
  })

  it('asks for lazy data once each, when their turn comes', () => {
    const file = inFolder('a.safetensors')
    const calls: string[] = []
    function* tensors(): Generator<TensorToWrite> {
      for (const name of ['b', 'c', 'a']) {
        yield {
          ...ones(name, 2),
          data: () => {
            calls.push(name)
            return Float32Array.of(1, 2)
          },
        }
      }
    }
    writeSafetensors(file, tensors())
    assert.deepEqual(calls, ['a', 'b', 'c'])
    assert.deepEqual([...readAll(file).keys()], ['a', 'b', 'c'])
  })

  it('refuses data that do not fit, and leaves the earlier file', () => {
    const file = inFolder('a.safetensors')
    writeSafetensors(file, [ones('x', 1)])
    const before = fs.readFileSync(file)
    const refuses = (change: Partial<TensorToWrite>, expected: RegExp) => {
      assert.throws(
        () => {
          writeSafetensors(file, [{ ...ones('x', 2), ...change }])
        },
        (error) => error instanceof ShapeError && expected.test(error.message),
      )
    }
    refuses({ shape: [3] }, /'x': data has 8 bytes; F32 of shape \[ 3 \] takes 12/)
    refuses({ shape: [-1] }, /cannot write F32 of shape \[ -1 \]/)
    refuses({ shape: [2 ** 31, 2 ** 31] }, /cannot write F32 of shape/)
    refuses({ dtype: 'C64' as SafetensorsDtype }, /cannot write C64/)
    refuses({ dtype: 'BF16', shape: [4] }, /data is a Float32Array; BF16 is written from Uint16Array or Uint8Array/)
    refuses({ dtype: 'F64', shape: [1] }, /data is a Float32Array; F64 is written from Uint8Array/)
    refuses({ name: '__metadata__' }, /'__metadata__': the name is taken/)
    assert.throws(() => {
      writeSafetensors(file, [ones('x', 1), ones('x', 1)])
    }, /'x': the name is taken; expected each name once/)
    assert.throws(() => {
      writeSafetensors(inFolder('missing', 'a'), [ones('x', 1)])
    }, GrpoError)
    assert.deepEqual(fs.readFileSync(file), before)
    assert.deepEqual(fs.readdirSync(inFolder()), ['a.safetensors'])
  })

  describe('shards', () => {
    const names = () => fs.readdirSync(inFolder()).sort()

    it('are one file when all fits', async () => {
      await writeShardedSafetensors(inFolder(), [ones('b', 2), ones('a', 2)])
      assert.deepEqual(names(), ['model.safetensors'])
      assert.equal(readAll(inFolder()).size, 2)
    })

    it('take tensors in order up to the limit, a larger one alone, with an index', async () => {
      const tensors = [ones('a', 2), ones('b', 2), ones('huge', 100), ones('c', 3)]
      await writeShardedSafetensors(inFolder(), tensors, { maxShardBytes: 16, metadata: { note: 'x' } })
      const shard = (i: number) => `model-0000${i}-of-00003.safetensors`
      assert.deepEqual(names(), [shard(1), shard(2), shard(3), 'model.safetensors.index.json'])
      assert.deepEqual(JSON.parse(fs.readFileSync(inFolder('model.safetensors.index.json'), 'utf8')), {
        metadata: { total_size: 107 * 4 },
        weight_map: { a: shard(1), b: shard(1), huge: shard(2), c: shard(3) },
      })
      const opened = Safetensors.open(inFolder())
      assert.deepEqual(opened.readFloat32('huge'), new Float32Array(100).fill(1))
      assert.deepEqual(opened.metadata, { format: 'pt', note: 'x' })
      opened.close()
    })

    it('replace an earlier save of the same base, and nothing else', async () => {
      const tensors = [ones('a', 2), ones('b', 2), ones('c', 2)]
      await writeShardedSafetensors(inFolder(), [ones('other', 1)], { base: 'adapter_model' })
      fs.writeFileSync(inFolder('model-notes.safetensors'), '')
      const kept = ['adapter_model.safetensors', 'model-notes.safetensors']
      await writeShardedSafetensors(inFolder(), tensors)
      for (const maxShardBytes of [8, 16, 100]) {
        await writeShardedSafetensors(inFolder(), tensors, { maxShardBytes })
        assert.deepEqual([...readAll(inFolder()).keys()], ['a', 'b', 'c'])
        assert.equal(names().length, kept.length + { 8: 4, 16: 3, 100: 1 }[maxShardBytes]!)
      }
      assert.ok(kept.every((name) => names().includes(name)))
    })

    it('leave an earlier save as it was when writing fails', async () => {
      const tensors = [ones('a', 2), ones('b', 2), ones('c', 2)]
      await writeShardedSafetensors(inFolder(), tensors, { maxShardBytes: 8 })
      const before = readAll(inFolder())
      const failing: TensorToWrite = {
        ...ones('c', 2),
        data: () => {
          throw new Error('no more memory')
        },
      }
      const zeros = { ...ones('a', 2), data: new Float32Array(2) }
      for (const maxShardBytes of [8, 100]) {
        const writing = writeShardedSafetensors(inFolder(), [zeros, ones('b', 2), failing], { maxShardBytes })
        await assert.rejects(writing, /^Error: no more memory/)
        assert.deepEqual(readAll(inFolder()), before)
        assert.equal(names().length, 4)
      }
      await assert.rejects(writeShardedSafetensors(inFolder('missing'), tensors), GrpoError)
      await assert.rejects(
        writeShardedSafetensors(inFolder(), tensors, { signal: AbortSignal.abort(new Error('enough')) }),
        /enough/,
      )
      assert.deepEqual(readAll(inFolder()), before)
    })

    it('refuse a name that two of them would hold, before writing', async () => {
      const twice = [ones('a', 1), ones('b', 1), ones('a', 1)]
      await assert.rejects(writeShardedSafetensors(inFolder(), twice, { maxShardBytes: 4 }), ShapeError)
      assert.deepEqual(names(), [])
    })
  })
})
