import { FileFormatError } from '../errors.js'
import type { SafetensorsDtype } from './dtypes.js'
import { bytesPerElement, isSafetensorsDtype, tensorByteLength } from './dtypes.js'
import type { FileReader } from './fileReader.js'
import { isJsonObject, parseStrictJson, quote } from './json.js'

/** The official library's limit; a longer header is refused before anything is allocated for it. */
export const MAX_HEADER_BYTES = 100_000_000

/** What a file says about one of its tensors. */
export interface TensorInfo {
  /** As the format spells it: F32, BF16, … */
  readonly dtype: SafetensorsDtype
  /** Empty for a single number. */
  readonly shape: readonly number[]
  /** Of its data. */
  readonly byteLength: number
}

/** A tensor and where its bytes begin, counted from the start of the file. */
export interface TensorEntry extends TensorInfo {
  readonly position: number
}

/** The checked header of a safetensors file. */
export interface SafetensorsHeader {
  readonly metadata: Readonly<Record<string, string>>
  /** By name, in the order of their bytes in the file. */
  readonly tensors: ReadonlyMap<string, TensorEntry>
}

/**
 * Reads and checks the header of a safetensors file: 8 bytes with its length N (little endian), N bytes of JSON, then
 * the tensors' bytes without gaps (format: https://github.com/huggingface/safetensors#format). Throws a FileFormatError
 * when anything does not fit together; a tensor that the result names lies wholly inside the file.
 */
export function readHeader(reader: FileReader): SafetensorsHeader {
  const { file } = reader
  const bytes = new Uint8Array(readHeaderLength(reader))
  reader.read(bytes, 8)
  const header = parseStrictJson(file, 'the header', bytes)
  if (!isJsonObject(header)) {
    throw new FileFormatError(file, `the header is ${quote(header)}; expected a JSON object of tensors by name`)
  }

  const dataStart = 8 + bytes.length
  const tensors: [string, TensorEntry][] = []
  for (const [name, value] of Object.entries(header)) {
    if (name !== '__metadata__') tensors.push([name, parseTensor(file, name, value, dataStart)])
  }
  // An empty tensor begins where another one does and comes first.
  tensors.sort(([, a], [, b]) => a.position - b.position || a.byteLength - b.byteLength)
  checkContiguous(reader, dataStart, tensors)
  return { metadata: parseMetadata(file, header.__metadata__), tensors: new Map(tensors) }
}

function readHeaderLength(reader: FileReader): number {
  const { file, size } = reader
  if (size < 8) {
    throw new FileFormatError(file, `has ${size} bytes; a safetensors file has at least 10, download or write it again`)
  }
  const prefix = Buffer.alloc(8)
  reader.read(prefix, 0)
  if (prefix.toString('latin1') === 'version ') {
    throw new FileFormatError(file, 'is a Git LFS pointer, not the file itself; fetch it with `git lfs pull`')
  }
  const length = prefix.readBigUInt64LE()
  const limit = Math.min(MAX_HEADER_BYTES, size - 8)
  if (length > limit) {
    throw new FileFormatError(
      file,
      `its header claims ${length.toString()} bytes; at most ${limit} are possible in a file of ${size} bytes ` +
        '(the limit is 100 MB): the download is incomplete or this is not a safetensors file',
    )
  }
  return Number(length)
}

function parseTensor(file: string, name: string, value: unknown, dataStart: number): TensorEntry {
  const fail = (problem: string): never => {
    throw new FileFormatError(file, `tensor ${quote(name)}: ${problem}`)
  }
  if (!isJsonObject(value)) return fail(`got ${quote(value)}; expected {dtype, shape, data_offsets}`)
  const { dtype, shape, data_offsets: offsets } = value
  if (!isSafetensorsDtype(dtype)) {
    return fail(`unknown dtype ${quote(dtype)}; supported are ${Object.keys(bytesPerElement).join(', ')}`)
  }
  if (!isSizes(shape)) return fail(`shape is ${quote(shape)}; expected a list of integers >= 0`)
  const byteLength = tensorByteLength(dtype, shape)
  if (byteLength === undefined) return fail(`shape ${quote(shape)} is too large; its bytes do not fit into 53 bits`)
  if (!isSizes(offsets) || offsets.length !== 2) {
    return fail(`data_offsets is ${quote(offsets)}; expected [begin, end]`)
  }
  const [begin, end] = offsets as [number, number]
  if (end - begin !== byteLength) {
    return fail(
      `data_offsets [${begin}, ${end}] span ${end - begin} bytes; ` +
        `${dtype} of shape ${quote(shape)} takes ${byteLength}`,
    )
  }
  return { dtype, shape, byteLength, position: dataStart + begin }
}

function isSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && size >= 0)
}

/** Every byte after the header must belong to exactly one tensor. */
function checkContiguous(reader: FileReader, dataStart: number, tensors: readonly [string, TensorEntry][]): void {
  let expected = dataStart
  for (const [name, { position, byteLength }] of tensors) {
    if (position !== expected) {
      const problem = position < expected ? 'overlaps the tensor before it' : 'leaves a gap to the tensor before it'
      throw new FileFormatError(
        reader.file,
        `tensor ${quote(name)} ${problem}: it begins at data offset ${position - dataStart}, ` +
          `expected ${expected - dataStart}`,
      )
    }
    expected = position + byteLength
  }
  if (reader.size !== expected) {
    const problem = reader.size < expected ? 'the download is incomplete' : 'bytes follow the last tensor'
    throw new FileFormatError(
      reader.file,
      `has ${reader.size} bytes; its header describes ${expected} (${problem}), download or write it again`,
    )
  }
}

function parseMetadata(file: string, value: unknown): Readonly<Record<string, string>> {
  const metadata = value ?? {}
  if (!isJsonObject(metadata) || !Object.values(metadata).every((text) => typeof text === 'string')) {
    throw new FileFormatError(file, `__metadata__ is ${quote(value)}; expected an object of strings`)
  }
  return Object.freeze(metadata as Record<string, string>)
}
