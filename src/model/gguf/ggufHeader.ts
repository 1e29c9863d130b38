import { FileFormatError, UnsupportedError } from '../../errors.js'
import type { FileReader } from '../../io/fileReader.js'
import { quote } from '../../io/json.js'
import { FileCursor } from './fileCursor.js'
import { ggmlType } from './ggmlTypes.js'
import type { GgmlType } from './ggmlTypes.js'

/** More entries or tensors than any model has; a file with more is refused. */
const MAX_ENTRIES = 2 ** 16
/** As many tokens as a vocabulary has at most. */
const MAX_ELEMENTS = 2 ** 24
/** Arrays of arrays of arrays of numbers are the deepest that are passed over; nothing that is read has them. */
const MAX_DEPTH = 3
/** Of ggml's tensors. */
const MAX_DIMENSIONS = 4

/** Ways of reading a value by the number of its type. */
const scalars: Readonly<Record<number, { bytes: number; read: (cursor: FileCursor) => GgufScalar }>> = {
  0: { bytes: 1, read: (cursor) => cursor.uint8() },
  1: { bytes: 1, read: (cursor) => cursor.int8() },
  2: { bytes: 2, read: (cursor) => cursor.uint16() },
  3: { bytes: 2, read: (cursor) => cursor.int16() },
  4: { bytes: 4, read: (cursor) => cursor.uint32() },
  5: { bytes: 4, read: (cursor) => cursor.int32() },
  6: { bytes: 4, read: (cursor) => cursor.float32() },
  7: { bytes: 1, read: (cursor) => readBoolean(cursor) },
  10: { bytes: 8, read: (cursor) => asNumber(cursor.uint64()) },
  11: { bytes: 8, read: (cursor) => asNumber(cursor.int64()) },
  12: { bytes: 8, read: (cursor) => cursor.float64() },
}
const STRING = 8
const ARRAY = 9

/** Whole numbers beyond 2^53 are bigints. */
type GgufScalar = number | bigint | boolean

/** An array of the metadata, which stays in the file until it is asked for. */
export class GgufArray {
  constructor(
    private readonly reader: FileReader,
    readonly key: string,
    private readonly type: number,
    /** Of its elements, all of which lie in the file. */
    readonly count: number,
    private readonly position: number,
  ) {}

  /** All elements, when they are strings. */
  strings(): string[] {
    if (this.type !== STRING) throw this.#wrongType('strings')
    this.#checkCount()
    const cursor = new FileCursor(this.reader, this.position)
    return Array.from({ length: this.count }, () => cursor.string(this.key))
  }

  /** All elements, when they are numbers; whole ones of 64 bits are rounded. */
  numbers(): Float64Array {
    const scalar = scalars[this.type]
    if (scalar === undefined || this.type === 7) throw this.#wrongType('numbers')
    this.#checkCount()
    const cursor = new FileCursor(this.reader, this.position)
    return Float64Array.from({ length: this.count }, () => Number(scalar.read(cursor)))
  }

  #checkCount(): void {
    if (this.count <= MAX_ELEMENTS) return
    throw new FileFormatError(
      this.reader.file,
      `${this.key} has ${this.count} elements; at most ${MAX_ELEMENTS} are read`,
    )
  }

  #wrongType(expected: string): FileFormatError {
    return new FileFormatError(
      this.reader.file,
      `${this.key} is an array of type ${this.type}; expected one of ${expected}`,
    )
  }
}

export type GgufValue = GgufScalar | string | GgufArray

/** A tensor and where its bytes begin, counted from the start of the file. */
export interface GgufTensor {
  readonly name: string
  readonly type: GgmlType
  /** As elsewhere, rows first: the file has it the other way round. */
  readonly shape: readonly number[]
  readonly byteLength: number
  readonly position: number
}

/** The checked header of a GGUF file. */
export interface GgufHeader {
  readonly metadata: ReadonlyMap<string, GgufValue>
  readonly tensors: ReadonlyMap<string, GgufTensor>
}

/**
 * Reads and checks the header of a GGUF file (format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md): magic, version,
 * counts, metadata, and what tensors there are. A tensor of the result lies wholly inside the file and overlaps no other.
 * @throws FileFormatError when anything does not fit together, UnsupportedError for a version, a byte order or a type of tensors
 *   that is not read
 */
export function readGgufHeader(reader: FileReader): GgufHeader {
  const cursor = new FileCursor(reader)
  checkStart(reader, cursor)
  // A tensor takes at least a name's length, a count, one size, a type and an offset; an entry a length, a type and a byte.
  const tensorCount = cursor.count('tensors', 32)
  const entryCount = cursor.count('metadata entries', 13)
  for (const [what, count] of Object.entries({ tensors: tensorCount, 'metadata entries': entryCount })) {
    if (count > MAX_ENTRIES) throw cursor.error(`claims ${count} ${what}; expected at most ${MAX_ENTRIES}`)
  }
  const metadata = new Map<string, GgufValue>()
  for (let i = 0; i < entryCount; i++) {
    const key = cursor.string('a key')
    if (metadata.has(key)) throw cursor.error(`has the key ${quote(key)} twice`)
    metadata.set(key, readValue(reader, cursor, key))
  }
  const alignment = readAlignment(reader, metadata)
  const infos = new Map<string, TensorInfo>()
  for (let i = 0; i < tensorCount; i++) {
    const info = readTensorInfo(reader, cursor)
    if (infos.has(info.name)) throw cursor.error(`has the tensor ${quote(info.name)} twice`)
    infos.set(info.name, info)
  }
  const dataStart = Math.ceil(cursor.position / alignment) * alignment
  return { metadata, tensors: placeTensors(reader, dataStart, alignment, [...infos.values()]) }
}

function checkStart({ file, size }: FileReader, cursor: FileCursor): void {
  const magic = size < 8 ? '' : String.fromCharCode(...Array.from({ length: 4 }, () => cursor.uint8()))
  if (magic === 'vers') {
    throw new FileFormatError(file, 'is a Git LFS pointer, not the file itself; fetch it with `git lfs pull`')
  }
  if (magic !== 'GGUF') {
    throw new FileFormatError(file, 'does not begin with GGUF: it is no GGUF file, or the download is incomplete')
  }
  const version = cursor.uint32()
  if (version === 2 || version === 3) return
  const isBigEndian = version > 0xffff
  throw new UnsupportedError(
    `${file}: ${isBigEndian ? 'a GGUF file with its numbers in big-endian order' : `GGUF version ${version}`} is not supported; ` +
      'supported are the versions 2 and 3, little endian: convert the model again with a recent llama.cpp',
  )
}

function readValue(reader: FileReader, cursor: FileCursor, key: string): GgufValue {
  const type = cursor.uint32()
  if (type === STRING) return cursor.string(key)
  if (type === ARRAY) {
    const { elementType, count } = readArrayStart(cursor, key)
    const array = new GgufArray(reader, key, elementType, count, cursor.position)
    skipElements(cursor, key, elementType, count, 1)
    return array
  }
  return scalarOf(cursor, key, type).read(cursor)
}

function readArrayStart(cursor: FileCursor, key: string): { elementType: number; count: number } {
  const elementType = cursor.uint32()
  const bytes = elementType === STRING ? 8 : elementType === ARRAY ? 12 : scalarOf(cursor, key, elementType).bytes
  return { elementType, count: cursor.count(`elements of ${quote(key)}`, bytes) }
}

function skipElements(cursor: FileCursor, key: string, type: number, count: number, depth: number): void {
  if (type !== STRING && type !== ARRAY) {
    cursor.skip(count * scalarOf(cursor, key, type).bytes)
    return
  }
  if (depth > MAX_DEPTH) throw cursor.error(`${quote(key)} holds arrays in arrays, more than ${MAX_DEPTH} deep`)
  for (let i = 0; i < count; i++) {
    if (type === STRING) cursor.skip(cursor.count(`bytes of ${quote(key)}`, 1))
    else {
      const inner = readArrayStart(cursor, key)
      skipElements(cursor, key, inner.elementType, inner.count, depth + 1)
    }
  }
}

function scalarOf(cursor: FileCursor, key: string, type: number): (typeof scalars)[number] {
  const scalar = scalars[type]
  if (scalar !== undefined) return scalar
  throw cursor.error(`${quote(key)} has the type ${type}; expected one from 0 to 12`)
}

function readBoolean(cursor: FileCursor): boolean {
  const byte = cursor.uint8()
  if (byte <= 1) return byte === 1
  throw cursor.error(`holds the boolean ${byte} at byte ${cursor.position - 1}; expected 0 or 1`)
}

function asNumber(value: bigint): number | bigint {
  const number = Number(value)
  return Number.isSafeInteger(number) ? number : value
}

function readAlignment({ file }: FileReader, metadata: ReadonlyMap<string, GgufValue>): number {
  const alignment = metadata.get('general.alignment') ?? 32
  const isPowerOfTwo = typeof alignment === 'number' && alignment >= 1 && Number.isInteger(Math.log2(alignment))
  if (isPowerOfTwo) return alignment
  throw new FileFormatError(file, `general.alignment is ${quote(alignment)}; expected a power of two`)
}

/** A tensor before it is known where the data begin. */
type TensorInfo = Omit<GgufTensor, 'position'> & { readonly offset: bigint }

function readTensorInfo({ file, size }: FileReader, cursor: FileCursor): TensorInfo {
  const name = cursor.string("a tensor's name")
  const what = `tensor ${quote(name)}`
  const dimensions = cursor.uint32()
  if (dimensions < 1 || dimensions > MAX_DIMENSIONS) {
    throw cursor.error(`${what} has ${dimensions} dimensions; expected 1 to ${MAX_DIMENSIONS}`)
  }
  const sizes = Array.from({ length: dimensions }, () => cursor.uint64())
  const type = ggmlType(cursor.uint32(), `${file}: ${what}`)
  const offset = cursor.uint64()
  const [width] = sizes as [bigint]
  if (width % BigInt(type.blockSize) !== 0n) {
    throw cursor.error(`${what} has rows of ${width.toString()} numbers; ${type.name} has blocks of ${type.blockSize}`)
  }
  const blocks = sizes.reduce((product, length) => product * length, 1n) / BigInt(type.blockSize)
  const bytes = blocks * BigInt(type.blockBytes)
  if (bytes === 0n || bytes > BigInt(size)) {
    throw cursor.error(
      `${what} of ${type.name} has the sizes ${sizes.join(' · ')}, which take ${bytes.toString()} bytes`,
    )
  }
  return { name, type, shape: sizes.map(Number).reverse(), byteLength: Number(bytes), offset }
}

function placeTensors(
  { file, size }: FileReader,
  dataStart: number,
  alignment: number,
  infos: readonly TensorInfo[],
): Map<string, GgufTensor> {
  const tensors = new Map<string, GgufTensor>()
  for (const { offset, ...tensor } of infos) {
    const fail = (problem: string): never => {
      throw new FileFormatError(
        file,
        `tensor ${quote(tensor.name)} ${problem}: the download is incomplete or the file is corrupt`,
      )
    }
    if (offset % BigInt(alignment) !== 0n) fail(`begins at ${offset.toString()}, no multiple of ${alignment}`)
    if (offset + BigInt(dataStart + tensor.byteLength) > BigInt(size)) {
      fail(`takes ${tensor.byteLength} bytes from data offset ${offset.toString()} on, beyond the end at byte ${size}`)
    }
    tensors.set(tensor.name, { ...tensor, position: dataStart + Number(offset) })
  }
  let end = 0
  let before = ''
  for (const { name, position, byteLength } of [...tensors.values()].sort((a, b) => a.position - b.position)) {
    if (position < end) throw new FileFormatError(file, `the tensors ${quote(before)} and ${quote(name)} overlap`)
    end = position + byteLength
    before = name
  }
  return tensors
}
