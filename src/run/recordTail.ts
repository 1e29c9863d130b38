import fs from 'node:fs'
import path from 'node:path'
import type { z } from 'zod'
import { FileFormatError } from '../errors.js'
import { parseJsonFields } from '../io/jsonFields.js'
import { readJsonLines } from '../io/jsonLines.js'

const CHUNK_BYTES = 4 * 1024 * 1024
/** A longer line is damaged. */
const MAX_LINE_BYTES = 64 * 1024 * 1024
const NEWLINE = 10
const WHITE_SPACE: readonly number[] = [32, 9, 13]
/** Takes a byte order mark away. */
const utf8 = new TextDecoder('utf-8', { fatal: true })

/**
 * Reads the lines of a JSON Lines file that may still grow, from where the last call stopped. Tolerant, because a report must
 * show what there is: a file that is missing is empty, an incomplete last line (of a writer that was killed, or that is writing)
 * waits, a line that is damaged is counted and passed over.
 */
export class RecordTail<T> {
  #unreadable: string | null = null
  #damagedLines = 0
  #firstDamage = ''
  #offset = 0
  #line = 1
  #rest: Buffer[] = []
  #restBytes = 0
  #inode: number | null = null

  constructor(
    readonly file: string,
    private readonly schema: z.ZodType<T>,
  ) {}

  /** `2 lines are damaged and were left out, the first: metrics.jsonl:4: step is missing`; null where there are none so far. */
  get problem(): string | null {
    if (this.#unreadable !== null) return `${path.basename(this.file)} cannot be read (${this.#unreadable})`
    if (this.#damagedLines === 0) return null
    return this.#damagedLines === 1
      ? `a line is damaged and was left out: ${this.#firstDamage}`
      : `${this.#damagedLines} lines are damaged and were left out, the first: ${this.#firstDamage}`
  }

  /** Whether the file was replaced or shortened since the last call, so that what was read no longer counts. */
  get isReplaced(): boolean {
    const status = fs.statSync(this.file, { throwIfNoEntry: false })
    if (this.#inode === null) return false
    return status?.ino !== this.#inode || status.size < this.#offset
  }

  /** Hands each new record to `take`, of the first `end` bytes of the file; returns whether the file had grown. */
  read(take: (record: T) => void, end = Infinity): boolean {
    this.#unreadable = null
    let descriptor: number
    try {
      // A pipe would have to be waited for.
      if (fs.statSync(this.file).isFile()) descriptor = fs.openSync(this.file, 'r')
      else throw new Error('it is not a file')
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException
      if (code !== 'ENOENT') this.#unreadable = message
      return false
    }
    try {
      this.#inode = fs.fstatSync(descriptor).ino
      const before = this.#offset
      for (;;) {
        const chunk = Buffer.alloc(Math.min(CHUNK_BYTES, end - this.#offset))
        const bytes = fs.readSync(descriptor, chunk, 0, chunk.length, this.#offset)
        if (bytes === 0) return this.#offset > before
        this.#offset += bytes
        this.#split(chunk.subarray(0, bytes), take)
      }
    } finally {
      fs.closeSync(descriptor)
    }
  }

  /** Takes the last line if only its newline is missing; for a file that grows no more. */
  end(take: (record: T) => void): void {
    const record = this.#record(Buffer.concat(this.#rest))
    this.#rest = []
    this.#restBytes = 0
    if (record !== null && !(record instanceof FileFormatError)) take(record)
  }

  #split(chunk: Buffer, take: (record: T) => void): void {
    let start = 0
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
      this.#takeLine(chunk.subarray(start, end), take)
      start = end + 1
    }
    this.#restBytes += chunk.length - start
    // Of a line that is too long only its length is kept.
    if (this.#restBytes > MAX_LINE_BYTES) this.#rest = []
    else this.#rest.push(chunk.subarray(start))
  }

  #takeLine(end: Buffer, take: (record: T) => void): void {
    const bytes = this.#restBytes + end.length
    const line = Buffer.concat([...this.#rest, end])
    this.#rest = []
    this.#restBytes = 0
    const record =
      bytes > MAX_LINE_BYTES
        ? new FileFormatError(this.#place, `the line is longer than ${MAX_LINE_BYTES} bytes`)
        : this.#record(line)
    this.#line++
    if (record instanceof FileFormatError) {
      if (this.#damagedLines++ === 0) this.#firstDamage = record.message
    } else if (record !== null) take(record)
  }

  get #place(): string {
    return `${path.basename(this.file)}:${this.#line}`
  }

  /** Null for a line of white space, an error for one that is damaged. */
  #record(line: Buffer): T | FileFormatError | null {
    if (line.every((byte) => WHITE_SPACE.includes(byte))) return null
    let value: unknown
    try {
      value = JSON.parse(utf8.decode(line))
    } catch {
      return new FileFormatError(this.#place, 'is not JSON in UTF-8')
    }
    try {
      return parseJsonFields(this.schema, value, this.#place)
    } catch (error) {
      if (error instanceof FileFormatError) return error
      throw error
    }
  }
}

/** Reads a JSON Lines file record by record. Throws a FileFormatError that names file:line when a line is damaged. */
export async function* readRecords<T>(file: string, schema: z.ZodType<T>): AsyncGenerator<T> {
  for await (const { line, value } of readJsonLines(file)) yield parseJsonFields(schema, value, `${file}:${line}`)
}

/** All records of a JSON Lines file; see {@link readRecords}. */
export async function readAllRecords<T>(file: string, schema: z.ZodType<T>): Promise<T[]> {
  const records: T[] = []
  for await (const record of readRecords(file, schema)) records.push(record)
  return records
}
