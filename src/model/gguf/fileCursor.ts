import { FileFormatError } from '../../errors.js'
import type { FileReader } from '../../io/fileReader.js'

/** Bytes that are read at a time. */
const WINDOW_BYTES = 2 ** 20

/** A string of more bytes is refused: chat templates have some ten thousand. */
const MAX_STRING_BYTES = 2 ** 24

/** Reads little-endian values of a file one after another. Throws a FileFormatError where the file ends too early. */
export class FileCursor {
  #window = new DataView(new ArrayBuffer(0))
  /** Of the window's first byte in the file. */
  #start = 0

  constructor(
    private readonly reader: FileReader,
    /** Of the next byte in the file. */
    public position = 0,
  ) {}

  /** Bytes that follow. */
  get left(): number {
    return this.reader.size - this.position
  }

  uint8(): number {
    return this.#take(1, (view, at) => view.getUint8(at))
  }

  int8(): number {
    return this.#take(1, (view, at) => view.getInt8(at))
  }

  uint16(): number {
    return this.#take(2, (view, at) => view.getUint16(at, true))
  }

  int16(): number {
    return this.#take(2, (view, at) => view.getInt16(at, true))
  }

  uint32(): number {
    return this.#take(4, (view, at) => view.getUint32(at, true))
  }

  int32(): number {
    return this.#take(4, (view, at) => view.getInt32(at, true))
  }

  uint64(): bigint {
    return this.#take(8, (view, at) => view.getBigUint64(at, true))
  }

  int64(): bigint {
    return this.#take(8, (view, at) => view.getBigInt64(at, true))
  }

  float32(): number {
    return this.#take(4, (view, at) => view.getFloat32(at, true))
  }

  float64(): number {
    return this.#take(8, (view, at) => view.getFloat64(at, true))
  }

  /** A count of 64 bits of things that take at least `bytes` each, all of which follow. `what` names them in the error. */
  count(what: string, bytes: number): number {
    const count = this.uint64()
    if (count <= BigInt(Math.floor(this.left / bytes))) return Number(count)
    throw this.error(
      `claims ${count.toString()} ${what} at byte ${this.position - 8}, but only ${this.left} bytes follow`,
    )
  }

  /** A length of 64 bits and as many bytes of UTF-8. */
  string(what: string): string {
    const length = this.count(`bytes of ${what}`, 1)
    if (length > MAX_STRING_BYTES) {
      throw this.error(`${what} at byte ${this.position} has ${length} bytes; at most ${MAX_STRING_BYTES} are read`)
    }
    return this.#take(length, (view, at) => {
      try {
        return UTF8.decode(new Uint8Array(view.buffer, view.byteOffset + at, length))
      } catch (cause) {
        throw this.error(`${what} at byte ${this.position} is not valid UTF-8`, cause)
      }
    })
  }

  /** Passes over bytes. */
  skip(bytes: number): void {
    if (bytes > this.left) throw this.#cut(bytes)
    this.position += bytes
  }

  error(message: string, cause?: unknown): FileFormatError {
    return new FileFormatError(
      this.reader.file,
      `${message}: the download is incomplete or the file is corrupt`,
      cause === undefined ? {} : { cause },
    )
  }

  #take<T>(bytes: number, read: (view: DataView, at: number) => T): T {
    if (bytes > this.left) throw this.#cut(bytes)
    const at = this.position - this.#start
    const isThere = at >= 0 && at + bytes <= this.#window.byteLength
    if (!isThere) this.#load(bytes)
    const value = read(this.#window, this.position - this.#start)
    this.position += bytes
    return value
  }

  #load(bytes: number): void {
    const window = new Uint8Array(Math.min(this.left, Math.max(bytes, WINDOW_BYTES)))
    this.reader.read(window, this.position)
    this.#window = new DataView(window.buffer)
    this.#start = this.position
  }

  #cut(bytes: number): FileFormatError {
    return this.error(
      `ends at byte ${this.reader.size}, where ${bytes} bytes from byte ${this.position} on are expected`,
    )
  }
}

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
