import { FileFormatError } from '../../errors.js'
import { FileReader } from '../../io/fileReader.js'
import { quote } from '../../io/json.js'
import { widenRows } from '../../quantization/matrixSource.js'
import type { MatrixRows } from '../../quantization/matrixSource.js'
import { GgufArray, readGgufHeader } from './ggufHeader.js'
import type { GgufHeader, GgufTensor, GgufValue } from './ggufHeader.js'

/** A GGUF file: metadata by key, and tensors, read some rows at a time. Close it after use. */
export class GgufFile {
  private constructor(
    private readonly reader: FileReader,
    private readonly header: GgufHeader,
  ) {}

  /** Reads and checks the header only. Throws a FileFormatError or an UnsupportedError. */
  static open(file: string): GgufFile {
    const reader = new FileReader(file)
    try {
      return new GgufFile(reader, readGgufHeader(reader))
    } catch (error) {
      reader.close()
      throw error
    }
  }

  /** {@link open}s a file, and closes it after `use`. */
  static use<T>(file: string, use: (gguf: GgufFile) => T): T {
    const gguf = GgufFile.open(file)
    try {
      return use(gguf)
    } finally {
      gguf.close()
    }
  }

  get file(): string {
    return this.reader.file
  }

  get tensors(): ReadonlyMap<string, GgufTensor> {
    return this.header.tensors
  }

  has(key: string): boolean {
    return this.header.metadata.has(key)
  }

  /** Undefined when there is no such key, as with the next ones. Each throws a FileFormatError for a value of another type. */
  string(key: string): string | undefined {
    return this.#value(key, 'a string', (value) => typeof value === 'string')
  }

  number(key: string): number | undefined {
    return this.#value(key, 'a number', (value) => typeof value === 'number')
  }

  boolean(key: string): boolean | undefined {
    return this.#value(key, 'a boolean', (value) => typeof value === 'boolean')
  }

  array(key: string): GgufArray | undefined {
    return this.#value(key, 'an array', (value) => value instanceof GgufArray)
  }

  /** Some rows of a tensor, of which a vector is one, as they are stored. */
  readRows({ byteLength, shape, position }: GgufTensor, first: number, count: number): Uint8Array {
    const rows = shape.slice(0, -1).reduce((product, length) => product * length, 1)
    const rowBytes = byteLength / rows
    const bytes = new Uint8Array(count * rowBytes)
    this.reader.read(bytes, position + first * rowBytes)
    return bytes
  }

  /** All numbers of a vector in float32. */
  readVector(tensor: GgufTensor): Float32Array {
    return widenRows(decodeRows(tensor, this.readRows(tensor, 0, 1)))
  }

  /** The error of something that is wrong in the file. */
  error(problem: string): FileFormatError {
    return new FileFormatError(this.file, problem)
  }

  close(): void {
    this.reader.close()
  }

  #value<T extends GgufValue>(key: string, expected: string, isIt: (value: GgufValue) => value is T): T | undefined {
    const value = this.header.metadata.get(key)
    if (value === undefined || isIt(value)) return value
    const got = value instanceof GgufArray ? 'an array' : quote(value)
    throw this.error(`${key} is ${got}; expected ${expected}`)
  }
}

/** Whole rows of a tensor from their bytes. */
export function decodeRows({ type, shape }: GgufTensor, bytes: Uint8Array): MatrixRows {
  const width = shape.at(-1)!
  const rowBytes = (width / type.blockSize) * type.blockBytes
  return type.decode(bytes, [bytes.length / rowBytes, width])
}
