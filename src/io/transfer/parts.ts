import fs from 'node:fs'
import { z } from 'zod'

/** A stretch of a file: bytes `begin` up to `end`, of which the first `done` are on the disk. */
export interface Part {
  readonly begin: number
  readonly end: number
  done: number
}

const journalSchema = z.object({
  size: z.int(),
  parts: z.array(z.object({ begin: z.int(), end: z.int(), done: z.int() })),
})

/**
 * Which bytes of an unfinished file have come, kept in a file beside it so that a transfer goes on where it was killed.
 * The parts are fetched at the same time, so the file's length says nothing.
 */
export class PartJournal {
  readonly parts: readonly Part[]
  #bytesAtSave = 0

  constructor(
    private readonly file: string,
    private readonly size: number,
    private readonly partBytes: number,
    dataFile: string,
  ) {
    this.parts = (fs.existsSync(dataFile) ? this.#read() : null) ?? this.#newParts()
    this.#bytesAtSave = this.doneBytes
  }

  get doneBytes(): number {
    return this.parts.reduce((sum, { done }) => sum + done, 0)
  }

  /** To be called after each write to the disk; saves now and then. */
  advance(part: Part, bytes: number): void {
    part.done += bytes
    if (this.doneBytes - this.#bytesAtSave >= this.partBytes / 16) this.save()
  }

  /** On a disk that is full the earlier state stays: some bytes will then be fetched again. */
  save(): void {
    this.#bytesAtSave = this.doneBytes
    const temporary = `${this.file}.tmp`
    try {
      fs.writeFileSync(temporary, JSON.stringify({ size: this.size, parts: this.parts }))
      fs.renameSync(temporary, this.file)
    } catch {
      fs.rmSync(temporary, { force: true })
    }
  }

  remove(): void {
    fs.rmSync(this.file, { force: true })
  }

  /** The parts of an earlier transfer, whatever its size of parts was; null when they do not make up this file. */
  #read(): Part[] | null {
    let value: unknown
    try {
      value = JSON.parse(fs.readFileSync(this.file, 'utf8'))
    } catch {
      return null
    }
    const journal = journalSchema.safeParse(value).data
    if (journal?.size !== this.size) return null
    let end = 0
    for (const part of journal.parts) {
      if (part.begin !== end || part.end <= part.begin || part.done < 0 || part.done > part.end - part.begin)
        return null
      end = part.end
    }
    return end === this.size ? journal.parts : null
  }

  #newParts(): Part[] {
    const parts: Part[] = []
    for (let begin = 0; begin < this.size; begin += this.partBytes) {
      parts.push({ begin, end: Math.min(begin + this.partBytes, this.size), done: 0 })
    }
    return parts
  }
}
