import { randomBytes } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { GrpoError } from '../errors.js'

/**
 * Replaces `file` by what `write` writes to the descriptor that it gets, or leaves it as it was: the bytes go to a
 * temporary file beside it, which is flushed to the disk and renamed when it is complete, and removed when anything
 * fails. The folder must exist. Throws a GrpoError when the operating system refuses (disk full, no permission); what
 * `write` throws passes.
 */
export function atomicWrite(file: string, write: (descriptor: number) => void): void {
  const temporary = temporaryName(file)
  try {
    const descriptor = fs.openSync(temporary, 'wx')
    try {
      write(descriptor)
      fs.fsyncSync(descriptor)
    } finally {
      fs.closeSync(descriptor)
    }
    fs.renameSync(temporary, file)
  } catch (error) {
    removeQuietly(temporary)
    throw asWriteError(file, error)
  }
  flushFolder(path.dirname(file))
}

/** As {@link atomicWrite}, for a `write` that waits now and then. */
export async function atomicWriteAsync(file: string, write: (descriptor: number) => Promise<void>): Promise<void> {
  const temporary = temporaryName(file)
  try {
    const descriptor = fs.openSync(temporary, 'wx')
    try {
      await write(descriptor)
      fs.fsyncSync(descriptor)
    } finally {
      fs.closeSync(descriptor)
    }
    fs.renameSync(temporary, file)
  } catch (error) {
    removeQuietly(temporary)
    throw asWriteError(file, error)
  }
  flushFolder(path.dirname(file))
}

function temporaryName(file: string): string {
  return `${file}.${randomBytes(4).toString('hex')}.tmp`
}

/** Replaces `file` by `data` as a whole (text as UTF-8); see {@link atomicWrite}. */
export function atomicWriteFile(file: string, data: string | Uint8Array): void {
  const bytes = typeof data === 'string' ? Buffer.from(data) : data
  atomicWrite(file, (descriptor) => {
    writeFully(descriptor, bytes)
  })
}

/** Replaces `file` by `value` as JSON, indented by two spaces; see {@link atomicWrite}. */
export function atomicWriteJson(file: string, value: unknown): void {
  atomicWriteFile(file, `${JSON.stringify(value, null, 2)}\n`)
}

/** Removes a file or folder, where that is possible: used after an error, which is the more important. */
export function removeQuietly(fileOrFolder: string): void {
  try {
    fs.rmSync(fileOrFolder, { recursive: true, force: true })
  } catch {
    // Its folder is not there any more, or cannot be written to.
  }
}

/**
 * Writes all bytes at the descriptor's position: one call of the operating system may write fewer than it was given.
 */
export function writeFully(descriptor: number, bytes: Uint8Array): void {
  const chunkBytes = 64 * 1024 * 1024
  let done = 0
  while (done < bytes.length) {
    done += fs.writeSync(descriptor, bytes, done, Math.min(chunkBytes, bytes.length - done))
  }
}

/** Adds bytes at the end of a file that was opened for that, all or none. Throws a GrpoError when the system refuses. */
export function appendFully(file: string, descriptor: number, bytes: Uint8Array): void {
  const status = fs.fstatSync(descriptor)
  try {
    writeFully(descriptor, bytes)
  } catch (error) {
    // A full disk takes the first part: take it back.
    if (status.isFile()) fs.ftruncateSync(descriptor, status.size)
    throw asWriteError(file, error)
  }
}

/** A refusal of the operating system as a GrpoError that names the file; any other error as it is. */
export function asWriteError(file: string, error: unknown): unknown {
  const code = error instanceof Error && 'syscall' in error && 'code' in error ? error.code : undefined
  if (code === undefined) return error
  const advice =
    code === 'ENOSPC' ? 'free some space on the disk' : 'check that its folder exists and may be written to'
  return new GrpoError(`${file}: cannot be written (${(error as Error).message}); ${advice}`, { cause: error })
}

/** Makes what was renamed, made or removed in a folder durable. */
export function flushFolder(folder: string): void {
  try {
    const descriptor = fs.openSync(folder, 'r')
    try {
      fs.fsyncSync(descriptor)
    } finally {
      fs.closeSync(descriptor)
    }
  } catch {
    // Windows and some network file systems cannot flush a folder; the file itself is in place.
  }
}
