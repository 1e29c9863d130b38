import fs from 'node:fs'
import { FileFormatError } from '../errors.js'

/** Bytes of one read: a call of the operating system reads less than 2^31, and smaller pieces are no slower. */
export const READ_CHUNK_BYTES = 64 * 1024 * 1024

/** A regular file open for reads at any position, also beyond 4 GiB. */
export class FileReader {
  /** Bytes. */
  readonly size: number
  private readonly descriptor: number
  private isOpen = true

  constructor(readonly file: string) {
    try {
      // Before opening it: opening a named pipe would wait for a writer.
      const status = fs.statSync(file)
      if (!status.isFile()) throw new FileFormatError(file, 'is not a regular file')
      this.size = status.size
      this.descriptor = fs.openSync(file, 'r')
    } catch (error) {
      if (error instanceof FileFormatError) throw error
      throw new FileFormatError(file, `cannot be opened (${(error as Error).message})`, { cause: error })
    }
  }

  /** Fills `target` with the bytes from `position` on. */
  read(target: Uint8Array, position: number): void {
    // A closed descriptor's number may already belong to another file.
    if (!this.isOpen) throw new FileFormatError(this.file, 'was closed before this read; read first, then close')
    let done = 0
    while (done < target.length) {
      const count = this.readSome(target, done, position + done)
      if (count === 0) {
        throw new FileFormatError(
          this.file,
          `ends at byte ${position + done}, expected ${target.length - done} more; it was cut after it was opened`,
        )
      }
      done += count
    }
  }

  private readSome(target: Uint8Array, offset: number, position: number): number {
    try {
      return fs.readSync(this.descriptor, target, offset, Math.min(READ_CHUNK_BYTES, target.length - offset), position)
    } catch (cause) {
      throw new FileFormatError(this.file, `cannot be read at byte ${position} (${(cause as Error).message})`, {
        cause,
      })
    }
  }

  close(): void {
    if (this.isOpen) fs.closeSync(this.descriptor)
    this.isOpen = false
  }
}
