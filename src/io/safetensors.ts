/// <reference lib="esnext.disposable" preserve="true" />
import fs from 'node:fs'
import path from 'node:path'
import { FileFormatError } from '../errors.js'
import type { SafetensorsDtype } from './dtypes.js'
import { bfloat16ToFloat32, bytesPerElement, float16ToFloat32 } from './dtypes.js'
import { FileReader, READ_CHUNK_BYTES } from './fileReader.js'
import { quote } from './json.js'
import type { SafetensorsHeader, TensorEntry, TensorInfo } from './safetensorsHeader.js'
import { readHeader } from './safetensorsHeader.js'
import { readSafetensorsIndex } from './safetensorsIndex.js'

/**
 * A list of more numbers is refused by `readIntegers`: arrays of numbers are meant for ids and masks, not for weights.
 */
const MAX_INTEGERS = 2 ** 24

/** How stored bytes become float32, written into `output`. */
const floatDecoders: Partial<Record<SafetensorsDtype, (bytes: ArrayBufferLike, output: Float32Array) => void>> = {
  F16: (bytes, output) => float16ToFloat32(new Uint16Array(bytes, 0, output.length), output),
  BF16: (bytes, output) => bfloat16ToFloat32(new Uint16Array(bytes, 0, output.length), output),
  F64: (bytes, output) => {
    output.set(new Float64Array(bytes, 0, output.length))
  },
}

const integerDecoders: Partial<Record<SafetensorsDtype, (bytes: ArrayBufferLike) => Iterable<number | bigint>>> = {
  I64: (bytes) => new BigInt64Array(bytes),
  I32: (bytes) => new Int32Array(bytes),
  I16: (bytes) => new Int16Array(bytes),
  I8: (bytes) => new Int8Array(bytes),
  U64: (bytes) => new BigUint64Array(bytes),
  U32: (bytes) => new Uint32Array(bytes),
  U16: (bytes) => new Uint16Array(bytes),
  U8: (bytes) => new Uint8Array(bytes),
  BOOL: (bytes) => new Uint8Array(bytes),
}

/** Some of a tensor's elements, in the order in which they are stored. */
export interface ElementRange {
  readonly first: number
  readonly count: number
}

interface Shard {
  readonly reader: FileReader
  readonly header: SafetensorsHeader
}

/**
 * The tensors of a safetensors file or of a sharded model. Opening reads and checks the headers only; each `read…` call
 * reads one tensor into fresh memory. Every method throws a FileFormatError when the file is not what it should be.
 */
export class Safetensors {
  /** The file's `__metadata__`; of a sharded model the first shard's. */
  readonly metadata: Readonly<Record<string, string>>
  private readonly shardOfTensor = new Map<string, Shard>()

  private constructor(
    /** The file, folder or index that was opened. */
    readonly source: string,
    private readonly shards: readonly Shard[],
  ) {
    this.metadata = shards[0]!.header.metadata
    for (const shard of shards) {
      for (const name of shard.header.tensors.keys()) this.shardOfTensor.set(name, shard)
    }
  }

  /**
   * Opens a file, an index (`….index.json`), or a folder: its `<base>.safetensors`, else the shards of its
   * `<base>.safetensors.index.json`. `base` defaults to 'model'. Close it after use.
   */
  static open(fileOrFolder: string, options: { base?: string } = {}): Safetensors {
    const file = findModelFile(fileOrFolder, options.base ?? 'model')
    const fileOfTensor = file.endsWith('.index.json') ? readSafetensorsIndex(file) : null
    const shardFiles = fileOfTensor ? new Set(fileOfTensor.values()) : [file]
    const shards: Shard[] = []
    try {
      for (const shardFile of shardFiles) shards.push(openShard(shardFile))
      if (fileOfTensor) checkIndex(file, fileOfTensor, shards)
      return new Safetensors(fileOrFolder, shards)
    } catch (error) {
      for (const { reader } of shards) reader.close()
      throw error
    }
  }

  /** In the order of their bytes, shard after shard. */
  names(): string[] {
    return [...this.shardOfTensor.keys()]
  }

  /** Whether there is a tensor of this name. */
  has(name: string): boolean {
    return this.shardOfTensor.has(name)
  }

  /** The file that holds a tensor. Throws a FileFormatError for a name that is not there. */
  fileOf(name: string): string {
    return this.find(name).reader.file
  }

  /** Type, shape and size of a tensor. Throws a FileFormatError for a name that is not there. */
  info(name: string): TensorInfo {
    const { dtype, shape, byteLength } = this.find(name).tensor
    return { dtype, shape, byteLength }
  }

  /** The raw bytes, little endian, of all elements or of some. */
  read(name: string, range?: ElementRange): Uint8Array {
    const { reader, tensor } = this.find(name)
    const { position, byteLength } = this.#part(name, range)
    const bytes = allocate(reader, name, () => new Uint8Array(byteLength))
    reader.read(bytes, tensor.position + position)
    return bytes
  }

  /** The values of an F32, F16, BF16 or F64 tensor, or of some of its elements, as float32; F64 is rounded. */
  readFloat32(name: string, range?: ElementRange): Float32Array {
    const { reader, tensor } = this.find(name)
    if (tensor.dtype === 'F32') return new Float32Array(this.read(name, range).buffer)
    const decode = floatDecoders[tensor.dtype]
    if (!decode) {
      throw tensorError(
        reader,
        name,
        `has dtype ${tensor.dtype}; expected F32, F16, BF16 or F64 (others: readIntegers, read)`,
      )
    }
    const elementBytes = bytesPerElement[tensor.dtype]
    const { position, byteLength } = this.#part(name, range)
    const values = allocate(reader, name, () => new Float32Array(byteLength / elementBytes))
    // In pieces, so that the stored form of a large tensor is never in memory as a whole beside its float32 form.
    const piece = new Uint8Array(Math.min(byteLength, READ_CHUNK_BYTES))
    const pieceLength = READ_CHUNK_BYTES / elementBytes
    for (let start = 0; start < values.length; start += pieceLength) {
      const output = values.subarray(start, start + pieceLength)
      reader.read(piece.subarray(0, output.length * elementBytes), tensor.position + position + start * elementBytes)
      decode(piece.buffer, output)
    }
    return values
  }

  /** The bit patterns of a BF16 tensor, or of some of its elements, as they are stored. */
  readBfloat16Bits(name: string, range?: ElementRange): Uint16Array {
    const { reader, tensor } = this.find(name)
    if (tensor.dtype !== 'BF16') {
      throw tensorError(reader, name, `has dtype ${tensor.dtype}; expected BF16 (any float dtype: readFloat32)`)
    }
    return new Uint16Array(this.read(name, range).buffer)
  }

  /** The values of an integer or BOOL tensor (0 and 1) of at most 2^24 elements; each must be a safe integer. */
  readIntegers(name: string): number[] {
    const { reader, tensor } = this.find(name)
    const decode = integerDecoders[tensor.dtype]
    if (!decode) {
      throw tensorError(
        reader,
        name,
        `has dtype ${tensor.dtype}; expected an integer dtype or BOOL (floats: readFloat32)`,
      )
    }
    const length = tensor.byteLength / bytesPerElement[tensor.dtype]
    if (length > MAX_INTEGERS) {
      throw tensorError(reader, name, `has ${length} elements; readIntegers takes at most ${MAX_INTEGERS}, use read`)
    }
    const integers = Array.from(decode(this.read(name).buffer), Number)
    const unsafe = integers.find((value) => !Number.isSafeInteger(value))
    if (unsafe !== undefined) {
      throw tensorError(reader, name, `holds about ${unsafe}; expected integers within ±(2^53 - 1), use read`)
    }
    return integers
  }

  /** Closes the files; later reads throw. */
  close(): void {
    for (const { reader } of this.shards) reader.close()
  }

  [Symbol.dispose](): void {
    this.close()
  }

  /** Where some elements lie among a tensor's bytes. */
  #part(name: string, range: ElementRange | undefined): { position: number; byteLength: number } {
    const { reader, tensor } = this.find(name)
    if (!range) return { position: 0, byteLength: tensor.byteLength }
    const { first, count } = range
    const bytes = bytesPerElement[tensor.dtype]
    const length = tensor.byteLength / bytes
    if (first < 0 || count < 0 || first + count > length) {
      throw tensorError(reader, name, `has ${length} elements; ${count} were asked for from element ${first} on`)
    }
    return { position: first * bytes, byteLength: count * bytes }
  }

  private find(name: string): { reader: FileReader; tensor: TensorEntry } {
    const shard = this.shardOfTensor.get(name)
    if (!shard) {
      const problem = `has no tensor ${quote(name)} among its ${this.shardOfTensor.size}; names() lists them`
      throw new FileFormatError(this.source, problem)
    }
    return { reader: shard.reader, tensor: shard.header.tensors.get(name)! }
  }
}

function findModelFile(fileOrFolder: string, base: string): string {
  if (!isFolder(fileOrFolder)) return fileOrFolder
  const single = `${base}.safetensors`
  const index = `${base}.safetensors.index.json`
  const found = [single, index].find((name) => fs.existsSync(path.join(fileOrFolder, name)))
  if (found !== undefined) return path.join(fileOrFolder, found)
  const others = weightFilesIn(fileOrFolder)
  throw new FileFormatError(
    fileOrFolder,
    `holds neither ${single} nor ${index}; ` +
      (others.length > 0
        ? `it holds ${quote(others)}: name the file, or convert the model to safetensors`
        : 'expected a folder as transformers saves it, check the path'),
  )
}

/** False also for what cannot be looked at: opening it as a file then says why. */
function isFolder(file: string): boolean {
  try {
    return fs.statSync(file).isDirectory()
  } catch {
    return false
  }
}

function weightFilesIn(folder: string): string[] {
  try {
    return fs.readdirSync(folder).filter((name) => /\.(safetensors|bin|pth?|gguf)$/.test(name))
  } catch {
    return []
  }
}

function openShard(file: string): Shard {
  const reader = new FileReader(file)
  try {
    return { reader, header: readHeader(reader) }
  } catch (error) {
    reader.close()
    throw error
  }
}

/** The index and the shards' own headers must name the same tensors in the same places. */
function checkIndex(indexFile: string, fileOfTensor: ReadonlyMap<string, string>, shards: readonly Shard[]): void {
  for (const { reader, header } of shards) {
    for (const name of header.tensors.keys()) {
      const expected = fileOfTensor.get(name)
      if (expected === reader.file) continue
      const got = expected === undefined ? 'the index does not have it' : `the index places it in ${expected}`
      throw new FileFormatError(
        indexFile,
        `tensor ${quote(name)} lies in ${reader.file}, but ${got}; download index and shards again`,
      )
    }
  }
  const files = new Map(shards.map(({ reader, header }) => [reader.file, header]))
  for (const [name, file] of fileOfTensor) {
    if (files.get(file)!.tensors.has(name)) continue
    throw new FileFormatError(
      indexFile,
      `places tensor ${quote(name)} in ${file}, which does not have it; download index and shards again`,
    )
  }
}

function allocate<T>(reader: FileReader, name: string, create: () => T): T {
  try {
    return create()
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    throw tensorError(reader, name, `does not fit into memory (${error.message})`)
  }
}

function tensorError(reader: FileReader, name: string, problem: string): FileFormatError {
  return new FileFormatError(reader.file, `tensor ${quote(name)} ${problem}`)
}
