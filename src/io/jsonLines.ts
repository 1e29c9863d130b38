import fs from 'node:fs'
import { pipeline } from 'node:stream'
import zlib from 'node:zlib'
import { DataError, FileFormatError } from '../errors.js'
import { appendFully, asWriteError } from './atomicWrite.js'
import { parseJson, quote } from './json.js'
import { asUtf8 } from './textEncoding.js'

/** A longer line is refused: the file is hardly JSON Lines, and the line would have to be held in memory. */
const MAX_LINE_BYTES = 64 * 1024 * 1024
/** A gzip file that expands to more than this and more than that many times its size is refused. */
const EXPANDED_BYTES_ALLOWED = 64 * 1024 * 1024
const MAX_EXPANSION = 200
const NEWLINE = 10
/** Opens an empty file whose every write goes to its end, also after a failed one was taken back. */
const { O_WRONLY, O_CREAT, O_TRUNC, O_APPEND } = fs.constants
const REPLACE = O_WRONLY | O_CREAT | O_TRUNC | O_APPEND

/**
 * Reads a JSON Lines file value by value; `line` counts from 1. Lines of white space are skipped; \r\n and a byte order
 * mark are accepted, and UTF-16 with one. Throws a FileFormatError that names the file, or file:line when a line is not JSON.
 */
export async function* readJsonLines(file: string): AsyncGenerator<{ line: number; value: unknown }> {
  for await (const { line, bytes } of readLines(file)) {
    yield { line, value: parseJson(`${file}:${line}`, 'the line', bytes) }
  }
}

/** A line of a text file: bytes in UTF-8 without the line break, and its number from 1. */
export interface TextLine {
  readonly line: number
  readonly bytes: Uint8Array
}

/**
 * Reads the lines of a text file that hold more than white space, which their beginning may lack. `encoding` is for text that
 * is neither UTF-8 nor marked as UTF-16; `isCompressed` reads through gzip. Throws a FileFormatError, also for a file that
 * expands without end.
 */
export async function* readLines(
  file: string,
  options: { encoding?: string | undefined; isCompressed?: boolean } = {},
): AsyncGenerator<TextLine> {
  try {
    const bytes = options.isCompressed ? gunzipped(file) : fs.createReadStream(file)
    yield* linesOf(file, asUtf8(file, bytes, options.encoding))
  } catch (error) {
    if (error instanceof FileFormatError) throw error
    throw new FileFormatError(file, `cannot be read (${(error as Error).message}); check the path`, { cause: error })
  }
}

async function* linesOf(file: string, chunks: AsyncIterable<Uint8Array>): AsyncGenerator<TextLine> {
  let pieces: Uint8Array[] = []
  let pieceBytes = 0
  let line = 1
  for await (const chunk of chunks) {
    let start = 0
    while (start < chunk.length) {
      // A line for each of a billion line breaks would take minutes.
      if (pieceBytes === 0) {
        while (isWhiteSpace(chunk[start])) if (chunk[start++] === NEWLINE) line++
      }
      const end = chunk.indexOf(NEWLINE, start)
      const piece = chunk.subarray(start, end < 0 ? chunk.length : end)
      pieces.push(piece)
      pieceBytes += piece.length
      if (pieceBytes > MAX_LINE_BYTES) {
        throw new FileFormatError(
          `${file}:${line}`,
          `the line is longer than ${MAX_LINE_BYTES} bytes; expected JSON Lines, one value a line`,
        )
      }
      if (end < 0) break
      if (pieceBytes > 0) yield { line, bytes: Buffer.concat(pieces) }
      line++
      pieces = []
      pieceBytes = 0
      start = end + 1
    }
  }
  if (pieceBytes > 0) yield { line, bytes: Buffer.concat(pieces) }
}

/** What a gzip file holds. Text shrinks to a tenth or a thirtieth; what shrinks much more was made to fill a memory. */
async function* gunzipped(file: string): AsyncGenerator<Uint8Array> {
  const gunzip = zlib.createGunzip()
  let bytes = 0
  for await (const chunk of pipeline(fs.createReadStream(file), gunzip, () => undefined)) {
    bytes += (chunk as Uint8Array).length
    if (bytes > EXPANDED_BYTES_ALLOWED && bytes > MAX_EXPANSION * gunzip.bytesWritten) {
      throw new FileFormatError(
        file,
        `expands to more than ${MAX_EXPANSION} times its size; expected compressed text. If it is sound, unpack it: gunzip -k`,
      )
    }
    yield chunk as Uint8Array
  }
}

/** Space, tab, carriage return, newline: what JSON allows around a value. */
function isWhiteSpace(byte: number | undefined): boolean {
  return byte === 32 || byte === NEWLINE || byte === 13 || byte === 9
}

/**
 * Writes a JSON Lines file, each line whole or not at all. Replaces an existing file unless `append`, which keeps its
 * lines, except for a last one that was cut when its writer was killed. Throws a GrpoError when the operating system
 * refuses.
 */
export class JsonLinesWriter {
  private descriptor: number | null

  constructor(
    readonly file: string,
    options: { append?: boolean } = {},
  ) {
    try {
      this.descriptor = fs.openSync(file, options.append ? 'a+' : REPLACE)
    } catch (error) {
      throw asWriteError(file, error)
    }
    try {
      if (options.append) dropIncompleteLine(file, this.descriptor)
    } catch (error) {
      this.close()
      throw error
    }
  }

  /** Adds a line. NaN and infinities become null, for JSON has neither. */
  write(value: unknown): void {
    if (this.descriptor === null) throw new DataError(`${this.file}: was closed before this line was written`)
    // JSON.stringify's type hides that it gives undefined for undefined and for functions.
    const text = JSON.stringify(value) as string | undefined
    if (text === undefined) throw new DataError(`${this.file}: cannot write ${quote(value)} as JSON`)
    appendFully(this.file, this.descriptor, Buffer.from(`${text}\n`))
  }

  /** Returns when what was written is on the disk. Throws a GrpoError when the operating system refuses. */
  flush(): void {
    try {
      if (this.descriptor !== null) fs.fsyncSync(this.descriptor)
    } catch (error) {
      throw asWriteError(this.file, error)
    }
  }

  close(): void {
    if (this.descriptor !== null) fs.closeSync(this.descriptor)
    this.descriptor = null
  }

  [Symbol.dispose](): void {
    this.close()
  }
}

/** Ends the last line if only its newline is missing, removes it if it is not whole. */
function dropIncompleteLine(file: string, descriptor: number): void {
  const { size } = fs.fstatSync(descriptor)
  const end = Buffer.alloc(Math.min(size, MAX_LINE_BYTES))
  fs.readSync(descriptor, end, 0, end.length, size - end.length)
  const lastLine = end.subarray(end.lastIndexOf(NEWLINE) + 1)
  if (lastLine.length === 0) return
  if (lastLine.length === MAX_LINE_BYTES) {
    throw new FileFormatError(file, `has a last line of more than ${MAX_LINE_BYTES} bytes; expected JSON Lines`)
  }
  try {
    parseJson(file, 'the last line', lastLine)
  } catch {
    fs.ftruncateSync(descriptor, size - lastLine.length)
    return
  }
  appendFully(file, descriptor, Buffer.from('\n'))
}
