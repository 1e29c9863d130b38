import fs from 'node:fs'
import { pipeline } from 'node:stream'
import type { Transform } from 'node:stream'
import { DataError, FileFormatError } from '../errors.js'
import { appendFully, asWriteError } from './atomicWrite.js'
import { parseJson, quote } from './json.js'

/** A longer line is refused: the file is hardly JSON Lines, and the line would have to be held in memory. */
const MAX_LINE_BYTES = 64 * 1024 * 1024
const NEWLINE = 10
/** Opens an empty file whose every write goes to its end, also after a failed one was taken back. */
const { O_WRONLY, O_CREAT, O_TRUNC, O_APPEND } = fs.constants
const REPLACE = O_WRONLY | O_CREAT | O_TRUNC | O_APPEND

/**
 * Reads a JSON Lines file value by value; `line` counts from 1. Lines of white space are skipped; \r\n and a byte order
 * mark are accepted. Throws a FileFormatError that names the file, or file:line when a line is not JSON.
 */
export async function* readJsonLines(file: string): AsyncGenerator<{ line: number; value: unknown }> {
  let line = 0
  for await (const bytes of readLines(file)) {
    line++
    if (bytes.every(isWhiteSpace)) continue
    yield { line, value: parseJson(`${file}:${line}`, 'the line', bytes) }
  }
}

/**
 * Reads a text file line by line, without its line breaks and a byte order mark, through a stream that decompresses it if one
 * is given. Throws a FileFormatError.
 */
export async function* readLines(file: string, decompress?: Transform): AsyncGenerator<Uint8Array> {
  let pieces: Buffer[] = []
  let pieceBytes = 0
  let line = 1
  try {
    const bytes = fs.createReadStream(file)
    const stream = decompress ? pipeline(bytes, decompress, () => undefined) : bytes
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      let start = 0
      for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
        yield withoutByteOrderMark(Buffer.concat([...pieces, chunk.subarray(start, end)]), line++)
        pieces = []
        pieceBytes = 0
        start = end + 1
      }
      pieces.push(chunk.subarray(start))
      pieceBytes += chunk.length - start
      if (pieceBytes > MAX_LINE_BYTES) {
        throw new FileFormatError(
          `${file}:${line}`,
          `the line is longer than ${MAX_LINE_BYTES} bytes; expected JSON Lines, one value a line`,
        )
      }
    }
  } catch (error) {
    if (error instanceof FileFormatError) throw error
    throw new FileFormatError(file, `cannot be read (${(error as Error).message}); check the path`, { cause: error })
  }
  if (pieceBytes > 0) yield withoutByteOrderMark(Buffer.concat(pieces), line)
}

function withoutByteOrderMark(bytes: Buffer, line: number): Uint8Array {
  const isMarked = line === 1 && bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf
  return isMarked ? bytes.subarray(3) : bytes
}

/** Space, tab, carriage return: what JSON allows around a value, less the newline. */
function isWhiteSpace(byte: number): boolean {
  return byte === 32 || byte === 9 || byte === 13
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
