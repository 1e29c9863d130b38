import fs from 'node:fs'

const CHUNK_BYTES = 4 * 1024 * 1024
/** A longer line is skipped. */
const MAX_LINE_BYTES = 64 * 1024 * 1024
const NEWLINE = 10

/**
 * Reads a JSON Lines file that may still grow, from where the last call stopped. Tolerant, because a report must show what there
 * is: a file that is missing is empty, an incomplete last line (of a writer that was killed, or that is writing) waits, a line
 * that is not JSON is counted in `badLines` and passed over.
 */
export class JsonLinesTail {
  /** Lines that could not be read. */
  badLines = 0
  #offset = 0
  #rest: Buffer[] = []
  #restBytes = 0
  #inode: number | null = null

  constructor(readonly file: string) {}

  /** Whether the file was replaced or shortened since the last call, so that what was read no longer counts. */
  get isReplaced(): boolean {
    const status = fs.statSync(this.file, { throwIfNoEntry: false })
    if (this.#inode === null) return false
    return status?.ino !== this.#inode || status.size < this.#offset
  }

  /** Hands each new value to `take`; returns whether the file had grown. */
  read(take: (value: unknown) => void): boolean {
    let descriptor: number
    try {
      descriptor = fs.openSync(this.file, 'r')
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false
      throw error
    }
    try {
      this.#inode = fs.fstatSync(descriptor).ino
      const before = this.#offset
      for (;;) {
        const chunk = Buffer.alloc(CHUNK_BYTES)
        const bytes = fs.readSync(descriptor, chunk, 0, CHUNK_BYTES, this.#offset)
        if (bytes === 0) return this.#offset > before
        this.#offset += bytes
        this.#split(chunk.subarray(0, bytes), take)
      }
    } finally {
      fs.closeSync(descriptor)
    }
  }

  /** Takes the last line if only its newline is missing; for a file that grows no more. */
  end(take: (value: unknown) => void): void {
    const line = Buffer.concat(this.#rest)
    this.#rest = []
    this.#restBytes = 0
    const value = parse(line)
    if (value !== undefined) take(value)
  }

  #split(chunk: Buffer, take: (value: unknown) => void): void {
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

  #takeLine(end: Buffer, take: (value: unknown) => void): void {
    const isTooLong = this.#restBytes + end.length > MAX_LINE_BYTES
    const line = isTooLong ? null : Buffer.concat([...this.#rest, end])
    this.#rest = []
    this.#restBytes = 0
    const value = line && parse(line)
    if (value !== undefined && value !== null) take(value)
    else if (line?.toString('latin1').trim() !== '') this.badLines++
  }
}

/** Undefined for what is not JSON. */
function parse(line: Buffer): unknown {
  try {
    return JSON.parse(line.toString('utf8')) as unknown
  } catch {
    return undefined
  }
}
