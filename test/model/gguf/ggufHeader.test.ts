import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { FileFormatError, UnsupportedError } from '../../../src/errors.js'
import { GgufFile } from '../../../src/model/gguf/ggufFile.js'
import { ggufFixture, writeGguf } from '../../fixtures/gguf/fixture.js'
import type { Value } from '../../fixtures/gguf/fixture.js'
import { temporaryFolder } from '../../fixtures/tinyModel.js'

const folder = temporaryFolder()

/** Opens a file of these bytes and reads whatever it says it has. */
function readBytes(bytes: Uint8Array): void {
  const file = path.join(folder, 'model.gguf')
  fs.writeFileSync(file, bytes)
  GgufFile.use(file, (gguf) => {
    for (const tensor of gguf.tensors.values()) gguf.readRows(tensor, 0, 1)
    gguf.array('words')?.strings()
    gguf.array('numbers')?.numbers()
  })
}

const values: Record<string, Value> = {
  'general.architecture': { string: 'test' },
  small: { uint32: 7 },
  words: { strings: ['one', 'zwei', 'três', ''] },
  numbers: { int32s: [3, -1, 2 ** 31 - 1] },
  half: { float32: 0.5 },
  yes: { bool: true },
}
const tensors = [
  { name: 'first', shape: [2, 3], type: 0, bytes: new Uint8Array(new Float32Array([1, 2, 3, 4, 5, 6]).buffer) },
  { name: 'second', shape: [64], type: 8, bytes: new Uint8Array(68).fill(9) },
]

/** A small file with some bytes written over; places are found by the bytes in front of them. */
function changed(after: string, skip: number, bytes: Uint8Array): Uint8Array {
  const whole = fs.readFileSync(writeGguf(path.join(folder, 'whole.gguf'), values, tensors))
  const at = whole.indexOf(after)
  assert.ok(at >= 0)
  whole.set(bytes, at + after.length + skip)
  return whole
}

const uint64 = (value: bigint): Uint8Array => new Uint8Array(new BigUint64Array([value]).buffer)
const uint32 = (value: number): Uint8Array => new Uint8Array(new Uint32Array([value]).buffer)

describe('the header of a GGUF file', () => {
  it('gives metadata by their types, and tensors by rows', () => {
    GgufFile.use(writeGguf(path.join(folder, 'small.gguf'), values, tensors), (gguf) => {
      assert.equal(gguf.string('general.architecture'), 'test')
      assert.equal(gguf.number('small'), 7)
      assert.equal(gguf.number('half'), 0.5)
      assert.equal(gguf.boolean('yes'), true)
      assert.equal(gguf.string('missing'), undefined)
      assert.deepEqual(gguf.array('words')!.strings(), ['one', 'zwei', 'três', ''])
      assert.deepEqual([...gguf.array('numbers')!.numbers()], [3, -1, 2 ** 31 - 1])
      const first = gguf.tensors.get('first')!
      assert.deepEqual(first.shape, [2, 3])
      assert.deepEqual([...new Float32Array(gguf.readRows(first, 1, 1).buffer)], [4, 5, 6])
      assert.throws(() => gguf.string('small'), /small is 7; expected a string/)
      assert.throws(() => gguf.number('words'), /words is an array; expected a number/)
      assert.throws(() => gguf.array('yes'), /yes is true; expected an array/)
      assert.throws(() => gguf.array('words')!.numbers(), /words is an array of type 8; expected one of numbers/)
      assert.throws(() => gguf.array('numbers')!.strings(), /numbers is an array of type 5; expected one of strings/)
    })
  })

  it('is refused wherever the file is cut', function () {
    this.timeout(60_000)
    for (const name of ['small', 'types']) {
      const whole = fs.readFileSync(name === 'small' ? path.join(folder, 'small.gguf') : ggufFixture(name))
      const last = name === 'small' ? whole.length - 32 : whole.length - 64
      for (let length = 0; length < last; length += name === 'small' ? 1 : 41) {
        assert.throws(() => {
          readBytes(whole.subarray(0, length))
        }, FileFormatError)
      }
    }
  })

  it('with any byte changed is read or refused by name', function () {
    this.timeout(60_000)
    const whole = fs.readFileSync(path.join(folder, 'small.gguf'))
    const headerEnd = whole.indexOf('second') + 40
    for (let at = 0; at < headerEnd; at++) {
      for (const byte of [0, 1, 8, 9, 0x7f, 0x80, 0xff]) {
        const bytes = Uint8Array.from(whole)
        bytes[at] = byte
        try {
          readBytes(bytes)
        } catch (error) {
          assert.ok(error instanceof FileFormatError || error instanceof UnsupportedError, `${at}: ${String(error)}`)
        }
      }
    }
  })

  const refused: [string, () => Uint8Array, RegExp][] = [
    ['nothing', () => new Uint8Array(0), /does not begin with GGUF/],
    ['another magic', () => Buffer.from('GGML\u0003\0\0\0'), /does not begin with GGUF/],
    ['a pointer of Git LFS', () => Buffer.from('version https://git-lfs.github.com/spec/v1\n'), /Git LFS pointer/],
    ['version 1', () => changed('GGUF', 0, uint32(1)), /GGUF version 1 is not supported/],
    ['big-endian numbers', () => changed('GGUF', 0, Uint8Array.of(0, 0, 0, 3)), /big-endian order is not supported/],
    ['more tensors than bytes', () => changed('GGUF', 4, uint64(2n ** 60n)), /claims 1152921504606846976 tensors/],
    [
      'more entries than bytes',
      () => changed('GGUF', 12, uint64(2n ** 63n)),
      /claims 9223372036854775808 metadata entries/,
    ],
    ['a key beyond the end', () => changed('GGUF', 20, uint64(2n ** 40n)), /claims 1099511627776 bytes of a key/],
    ['a key twice', () => changed('\u0005\0\0\0\0\0\0\0small', -5, Buffer.from('words')), /has the key 'words' twice/],
    [
      'an unknown type of value',
      () => changed('small', 0, uint32(13)),
      /'small' has the type 13; expected one from 0 to 12/,
    ],
    [
      'a string beyond the end',
      () => changed('general.architecture', 4, uint64(2n ** 50n)),
      /claims 1125899906842624 bytes of general\.architecture/,
    ],
    ['a text that is no UTF-8', () => changed('general.architecture', 12, Uint8Array.of(0xff)), /not valid UTF-8/],
    [
      'a huge array',
      () => changed('numbers', 8, uint64(2n ** 61n)),
      /claims 2305843009213693952 elements of 'numbers'/,
    ],
    ['an unknown type of elements', () => changed('numbers', 4, uint32(99)), /'numbers' has the type 99/],
    ['a boolean of 2', () => changed('yes', 4, Uint8Array.of(2)), /holds the boolean 2/],
    ['no dimensions', () => changed('first', 0, uint32(0)), /tensor 'first' has 0 dimensions; expected 1 to 4/],
    ['too many dimensions', () => changed('first', 0, uint32(5)), /tensor 'first' has 5 dimensions/],
    ['sizes that overflow', () => changed('first', 4, uint64(2n ** 62n)), /tensor 'first' of F32 has the sizes/],
    ['a size of 0', () => changed('first', 12, uint64(0n)), /tensor 'first' of F32 has the sizes 3 · 0/],
    [
      'a row that is no whole number of blocks',
      () => changed('second', 4, uint64(33n)),
      /rows of 33 numbers; Q8_0 has blocks of 32/,
    ],
    [
      'an offset beyond the end',
      () => changed('second', 16, uint64(2n ** 40n)),
      /tensor 'second' takes 68 bytes from data offset 1099511627776 on, beyond the end/,
    ],
    [
      'an offset that is not aligned',
      () => changed('second', 16, uint64(33n)),
      /tensor 'second' begins at 33, no multiple of 32/,
    ],
    [
      'tensors that overlap',
      () => changed('second', 16, uint64(0n)),
      /the tensors '(first|second)' and '(first|second)' overlap/,
    ],
    [
      'a type that is not read',
      () => changed('second', 12, uint32(23)),
      /tensor 'second' is of ggml's type IQ4_XS, which is not supported; supported are F32, F16, Q4_0/,
    ],
    ['a type that is unknown', () => changed('second', 12, uint32(77)), /tensor 'second' is of ggml's type number 77/],
  ]
  for (const [what, bytes, message] of refused) {
    it(`is refused with ${what}`, () => {
      assert.throws(
        () => {
          readBytes(bytes())
        },
        (error: Error) =>
          (error instanceof FileFormatError || error instanceof UnsupportedError) && message.test(error.message),
      )
    })
  }

  it('is refused with a tensor twice or an alignment that is no power of two', () => {
    const twice = writeGguf(path.join(folder, 'twice.gguf'), {}, [tensors[0]!, tensors[0]!])
    assert.throws(() => GgufFile.open(twice), /has the tensor 'first' twice/)
    for (const alignment of [0, 24]) {
      const file = writeGguf(
        path.join(folder, 'alignment.gguf'),
        { 'general.alignment': { uint32: alignment } },
        tensors,
      )
      assert.throws(() => GgufFile.open(file), /general\.alignment is \d+; expected a power of two/)
    }
  })

  it('passes over arrays in arrays, but not too deep', () => {
    for (const depth of [1, 2, 3, 4, 5]) {
      const parts = [Buffer.from('GGUF'), uint32(3), uint64(0n), uint64(1n), uint64(1n), Buffer.from('k'), uint32(9)]
      for (let level = 1; level < depth; level++) parts.push(uint32(9), uint64(1n))
      parts.push(uint32(4), uint64(1n), uint32(5), new Uint8Array(64))
      const open = (): void => {
        readBytes(Buffer.concat(parts))
      }
      if (depth <= 4) open()
      else assert.throws(open, /'k' holds arrays in arrays, more than 3 deep/)
    }
  })
})
