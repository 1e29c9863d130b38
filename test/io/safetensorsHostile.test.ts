import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import fc from 'fast-check'
import { FileFormatError } from '../../src/errors.js'
import { Safetensors } from '../../src/io/safetensors.js'
import { safetensorsBytes, writeIndex, writeShards } from './safetensorsFile.js'
import { countOpenDescriptors, useTemporaryFolder } from './temporaryFolder.js'

const two = { dtype: 'U8', shape: [2], data_offsets: [0, 2] }

function openAndClose(file: string): void {
  Safetensors.open(file).close()
}

describe('io/safetensors: hostile files', () => {
  const inFolder = useTemporaryFolder()

  afterEach(() => {
    assert.equal(countOpenDescriptors(inFolder()), 0, 'a descriptor was left open')
  })

  function refuses(bytes: Uint8Array, expected: RegExp): void {
    const file = inFolder('a.safetensors')
    fs.writeFileSync(file, bytes)
    assert.throws(
      () => {
        openAndClose(file)
      },
      (error) => {
        assert.ok(error instanceof FileFormatError, String(error))
        assert.match(error.message, expected)
        assert.ok(error.message.startsWith(`${file}: `) && error.message.length < 1000, error.message)
        return true
      },
    )
  }

  /** A file whose first 8 bytes claim a header of this length. */
  function withHeaderLength(length: bigint, rest: string): Buffer {
    const prefix = Buffer.alloc(8)
    prefix.writeBigUInt64LE(length)
    return Buffer.concat([prefix, Buffer.from(rest)])
  }

  describe('the header', () => {
    it('is missing', () => {
      refuses(Buffer.alloc(0), /has 0 bytes; a safetensors file has at least 10/)
      refuses(Buffer.from([1, 2, 3]), /has 3 bytes/)
      refuses(Buffer.alloc(8), /the header is not valid JSON/)
    })

    it('claims an impossible length', () => {
      for (const length of [3n, 100_000_001n, 2n ** 31n, 2n ** 32n, 2n ** 53n, 2n ** 63n, 2n ** 64n - 1n]) {
        refuses(withHeaderLength(length, '{}'), /its header claims \d+ bytes; at most 2 are possible/)
      }
    })

    it('claims more than 100 MB in a file that is large enough', () => {
      const file = inFolder('large.safetensors')
      fs.writeFileSync(file, withHeaderLength(100_000_001n, '{}'))
      fs.truncateSync(file, 2 ** 33)
      assert.throws(() => {
        openAndClose(file)
      }, /its header claims 100000001 bytes; at most 100000000/)
    })

    it('is a Git LFS pointer', () => {
      refuses(Buffer.from('version https://git-lfs.github.com/spec/v1\noid sha256:0\n'), /git lfs pull/)
    })

    it('is not UTF-8', () => {
      refuses(withHeaderLength(4n, '{"\xff').fill(0xff, 10), /the header is not valid UTF-8/)
      // Overlong form of "{", a surrogate, and a byte order mark.
      refuses(Buffer.concat([withHeaderLength(2n, ''), Buffer.from([0xc1, 0xbb])]), /not valid UTF-8/)
      refuses(Buffer.concat([withHeaderLength(3n, ''), Buffer.from([0xed, 0xa0, 0x80])]), /not valid UTF-8/)
      refuses(safetensorsBytes('\ufeff{}'), /not valid JSON/)
    })

    it('is not JSON, or not an object', () => {
      refuses(safetensorsBytes('{"a":'), /the header is not valid JSON/)
      refuses(safetensorsBytes('{}\0\0\0\0'), /not valid JSON/)
      for (const value of ['[]', 'null', '7', '"text"', 'true']) {
        refuses(safetensorsBytes(value), /expected a JSON object of tensors by name/)
      }
      refuses(safetensorsBytes('['.repeat(1_000_000)), /not valid JSON/)
      refuses(safetensorsBytes('['.repeat(200_000) + ']'.repeat(200_000)), /is (not valid JSON|\[)/)
    })

    it('has a key twice', () => {
      const tensor = JSON.stringify(two)
      refuses(safetensorsBytes(`{"a":${tensor},"a":${tensor}}`, 2), /has the key 'a' twice/)
      refuses(safetensorsBytes(`{"a":${tensor}, "\\u0061" :${tensor}}`, 2), /has the key 'a' twice/)
      refuses(safetensorsBytes('{"a":{"dtype":"U8","shape":[2],"shape":[2],"data_offsets":[0,2]}}', 2), /'shape' twice/)
      refuses(safetensorsBytes(`{"__proto__":${tensor},"__proto__":${tensor}}`, 2), /'__proto__' twice/)
    })

    it('has metadata that are not strings', () => {
      for (const metadata of [1, 'text', [], { a: 1 }, { a: null }, { a: { b: 'c' } }]) {
        refuses(
          safetensorsBytes({ __metadata__: metadata, a: two }, 2),
          /__metadata__ is .* expected an object of strings/,
        )
      }
    })
  })

  describe('a tensor', () => {
    function refusesTensor(change: Record<string, unknown>, expected: RegExp): void {
      refuses(safetensorsBytes({ a: { ...two, ...change } }, 2), expected)
    }

    it('is not described by an object', () => {
      for (const value of [null, 7, 'U8', [two]]) {
        refuses(safetensorsBytes({ a: value }, 2), /tensor 'a': got .* expected \{dtype, shape, data_offsets\}/)
      }
    })

    it('has an unknown dtype', () => {
      for (const dtype of ['F4', 'u8', '', '__proto__', 'toString', 8, null, undefined, ['U8'], { U8: 1 }]) {
        refusesTensor({ dtype }, /tensor 'a': unknown dtype .* supported are F64, /)
      }
    })

    it('has an impossible shape', () => {
      for (const shape of [[-2], [2.5], ['2'], [null], [[2]], { length: 1 }, 2, null, undefined, [2 ** 53], [1e300]]) {
        refusesTensor({ shape }, /tensor 'a': shape is .* expected a list of integers >= 0/)
      }
      refuses(safetensorsBytes('{"a":{"dtype":"U8","shape":[1e999],"data_offsets":[0,2]}}', 2), /shape is/)
      for (const shape of [
        [2 ** 27, 2 ** 27],
        [2 ** 52, 2 ** 52, 2 ** 52],
        [2 ** 53 - 1, 2],
      ]) {
        refusesTensor({ shape }, /tensor 'a': shape .* is too large/)
      }
      // 2^64 times 2^0: an overflow of 64 bits would make it fit.
      refusesTensor({ shape: [2 ** 32, 2 ** 32, 2] }, /is too large/)
    })

    it('has offsets that do not fit its shape', () => {
      for (const offsets of [[0], [0, 2, 2], [0, -2], [-2, 0], [0, 2.5], ['0', '2'], null, 2, [0, 2 ** 60]]) {
        refusesTensor({ data_offsets: offsets }, /tensor 'a': data_offsets is .* expected \[begin, end\]/)
      }
      for (const offsets of [
        [0, 1],
        [0, 3],
        [2, 0],
        [0, 2 ** 52],
      ]) {
        refusesTensor({ data_offsets: offsets }, /tensor 'a': data_offsets .* U8 of shape \[ 2 \] takes 2/)
      }
      refusesTensor({ dtype: 'F32' }, /F32 of shape \[ 2 \] takes 8/)
    })

    it('claims terabytes that the file does not have', () => {
      const size = 2 ** 42
      refusesTensor({ shape: [size], data_offsets: [0, size] }, /the download is incomplete/)
    })

    it('overlaps another, leaves a gap, or leaves bytes of the file unused', () => {
      const at = (begin: number) => ({ ...two, data_offsets: [begin, begin + 2] })
      refuses(safetensorsBytes({ a: at(0), b: at(1) }, 3), /'b' overlaps the tensor before it.* offset 1, expected 2/)
      refuses(safetensorsBytes({ a: at(0), b: at(0) }, 2), /overlaps the tensor before it/)
      refuses(safetensorsBytes({ b: at(3), a: at(0) }, 5), /'b' leaves a gap .* offset 3, expected 2/)
      refuses(safetensorsBytes({ a: at(1) }, 3), /'a' leaves a gap/)
      refuses(
        safetensorsBytes({ a: at(0) }, 3),
        /has 67 bytes; its header describes 66 \(bytes follow the last tensor\)/,
      )
      refuses(safetensorsBytes({ a: at(0) }, 1), /has 65 bytes; its header describes 66 \(the download is incomplete\)/)
    })

    it('may have any name, also one of Object.prototype', () => {
      const file = inFolder('a.safetensors')
      const names = ['__proto__', 'constructor', 'toString', '', '\u001b[31m', 'ü', '0']
      const entries = names.map(
        (name, i) => `${JSON.stringify(name)}:{"dtype":"U8","shape":[1],"data_offsets":[${i},${i + 1}]}`,
      )
      fs.writeFileSync(file, safetensorsBytes(`{"__metadata__":{"__proto__":"x"},${entries.join(',')}}`, names.length))
      const tensors = Safetensors.open(file)
      try {
        assert.deepEqual(tensors.names(), names)
        for (const [i, name] of names.entries()) assert.deepEqual(tensors.readIntegers(name), [i])
        assert.ok(!tensors.has('valueOf'))
        assert.deepEqual(Object.keys(tensors.metadata), ['__proto__'])
        assert.equal(({} as { dtype?: string }).dtype, undefined)
        assert.throws(() => tensors.readFloat32('\u001b[31m'), /tensor '\\x1B\[31m' has dtype U8/)
      } finally {
        tensors.close()
      }
    })

    it('with a name of megabytes gets a short message', () => {
      refuses(
        safetensorsBytes({ ['x'.repeat(5_000_000)]: { ...two, dtype: 'F'.repeat(5_000_000) } }, 2),
        /unknown dtype/,
      )
    })
  })

  it('cut or changed at any byte is read or refused, nothing else', () => {
    const file = inFolder('a.safetensors')
    const valid = safetensorsBytes(
      {
        __metadata__: { format: 'pt' },
        a: { dtype: 'F32', shape: [2, 2], data_offsets: [0, 16] },
        b: { dtype: 'BF16', shape: [3], data_offsets: [16, 22] },
      },
      22,
    )
    const change = fc.record({ at: fc.nat(valid.length - 1), byte: fc.nat(255) })
    fc.assert(
      fc.property(fc.array(change, { maxLength: 3 }), fc.nat(valid.length), (changes, length) => {
        const bytes = Buffer.from(valid)
        for (const { at, byte } of changes) bytes[at] = byte
        fs.writeFileSync(file, bytes.subarray(0, changes.length > 0 ? bytes.length : length))
        try {
          const tensors = Safetensors.open(file)
          try {
            for (const name of tensors.names()) assert.equal(tensors.read(name).length, tensors.info(name).byteLength)
          } finally {
            tensors.close()
          }
        } catch (error) {
          if (!(error instanceof FileFormatError)) throw error
        }
      }),
      { numRuns: 500 },
    )
  })

  it('with any JSON as header is read or refused, nothing else', () => {
    const file = inFolder('a.safetensors')
    fc.assert(
      fc.property(fc.jsonValue(), (header) => {
        fs.writeFileSync(file, safetensorsBytes(header))
        try {
          openAndClose(file)
        } catch (error) {
          if (!(error instanceof FileFormatError)) throw error
        }
      }),
      { numRuns: 200 },
    )
  })

  describe('the place', () => {
    function refusesPlace(place: string, expected: RegExp): void {
      assert.throws(
        () => {
          openAndClose(place)
        },
        (error) => error instanceof FileFormatError && expected.test(error.message),
      )
    }

    it('does not exist, or has a name that no file can have', () => {
      refusesPlace(inFolder('missing.safetensors'), /missing\.safetensors: cannot be opened \(ENOENT/)
      refusesPlace(inFolder('a\0b'), /cannot be opened/)
      refusesPlace(inFolder('x'.repeat(5000)), /cannot be opened \(ENAMETOOLONG/)
    })

    it('is a folder without a model', () => {
      refusesPlace(
        inFolder(),
        /holds neither model\.safetensors nor model\.safetensors\.index\.json; expected a folder/,
      )
      fs.writeFileSync(inFolder('pytorch_model.bin'), '')
      refusesPlace(inFolder(), /it holds \[ 'pytorch_model\.bin' \]: name the file, or convert/)
    })

    it('is a named pipe or a device', function () {
      if (process.platform === 'win32') this.skip()
      execFileSync('mkfifo', [inFolder('pipe.safetensors')])
      refusesPlace(inFolder('pipe.safetensors'), /is not a regular file/)
      refusesPlace('/dev/zero', /is not a regular file/)
    })
  })

  describe('an index', () => {
    function refusesIndex(expected: RegExp): void {
      assert.throws(
        () => {
          openAndClose(inFolder())
        },
        (error) => {
          assert.ok(error instanceof FileFormatError, String(error))
          assert.match(error.message, expected)
          return true
        },
      )
    }

    it('is not JSON, or has no weight_map', () => {
      const indexFile = inFolder('model.safetensors.index.json')
      for (const text of ['', '{', '\xff']) {
        fs.writeFileSync(indexFile, text, 'latin1')
        refusesIndex(/index\.json: the index is not valid/)
      }
      for (const text of ['[]', 'null', '{}', '{"weight_map":[]}', '{"weight_map":{}}', '{"weight_map":"x"}']) {
        fs.writeFileSync(indexFile, text)
        refusesIndex(/weight_map is .* expected an object/)
      }
      fs.writeFileSync(indexFile, '{"weight_map":{"a":"one","a":"two"}}')
      refusesIndex(/has the key 'a' twice/)
    })

    it('is too large to be one', () => {
      fs.writeFileSync(inFolder('model.safetensors.index.json'), '')
      fs.truncateSync(inFolder('model.safetensors.index.json'), 2 ** 35)
      refusesIndex(/the index has 34359738368 bytes; expected at most 100000000/)
    })

    it('names a shard that is missing, or a link that leads nowhere', () => {
      writeShards(inFolder(), { 'one.safetensors': ['a'], 'two.safetensors': ['b'] })
      fs.rmSync(inFolder('two.safetensors'))
      refusesIndex(/its shard 'two\.safetensors' is not in the folder; download/)
      fs.symlinkSync('nowhere', inFolder('two.safetensors'))
      refusesIndex(/its shard 'two\.safetensors' is not in the folder; download/)
    })

    it('names a path that leaves the folder', () => {
      fs.mkdirSync(inFolder('inner'))
      writeShards(inFolder(), { 'one.safetensors': ['a'] })
      const outside = [
        '../one.safetensors',
        'inner/../../one.safetensors',
        inFolder('one.safetensors'),
        '..\\one.safetensors',
        'C:one.safetensors',
        'C:\\one.safetensors',
        '//host/one.safetensors',
        './one.safetensors',
        'one.safetensors\0',
        '..',
        '.',
        '',
        7,
        null,
        ['one.safetensors'],
      ]
      for (const shard of outside) {
        writeIndex(inFolder(), { a: shard })
        refusesIndex(/tensor 'a' lies in .* expected the name of a file inside the folder/)
      }
      writeShards(inFolder('inner'), { 'one.safetensors': ['a'] })
      writeIndex(inFolder(), { a: 'inner/one.safetensors' })
      openAndClose(inFolder())
      writeIndex(inFolder(), { a: 'inner' })
      refusesIndex(/inner: is not a regular file/)
    })

    it('disagrees with its shards', () => {
      writeShards(inFolder(), { 'one.safetensors': ['a', 'b'], 'two.safetensors': ['c'] })
      writeIndex(inFolder(), { a: 'one.safetensors', c: 'two.safetensors' })
      refusesIndex(/tensor 'b' lies in .*one\.safetensors, but the index does not have it/)
      writeIndex(inFolder(), { a: 'one.safetensors', b: 'two.safetensors', c: 'two.safetensors' })
      refusesIndex(/tensor 'b' lies in .*one\.safetensors, but the index places it in .*two\.safetensors/)
      writeIndex(inFolder(), { a: 'one.safetensors', b: 'one.safetensors', c: 'two.safetensors', d: 'two.safetensors' })
      refusesIndex(/places tensor 'd' in .*two\.safetensors, which does not have it/)
      writeIndex(inFolder(), { a: 'one.safetensors', b: 'one.safetensors', toString: 'one.safetensors' })
      refusesIndex(/places tensor 'toString'/)
    })

    it('names a tensor that two shards hold', () => {
      writeShards(inFolder(), { 'one.safetensors': ['a', 'b'], 'two.safetensors': ['b', 'c'] })
      refusesIndex(/tensor 'b' lies in .*one\.safetensors, but the index places it in .*two\.safetensors/)
    })

    it('has a broken shard', () => {
      writeShards(inFolder(), { 'one.safetensors': ['a'], 'two.safetensors': ['b'] })
      fs.truncateSync(inFolder('two.safetensors'), 20)
      refusesIndex(/two\.safetensors: its header claims/)
    })
  })
})
