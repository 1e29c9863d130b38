import fs from 'node:fs'
import path from 'node:path'
import { asWriteError } from '../io/atomicWrite.js'
import { JsonLinesWriter } from '../io/jsonLines.js'
import type { CompletionLine } from './completionsFile.js'
import type { DiagnosisLine } from './diagnosisFile.js'
import { runFileNames } from './fileNames.js'
import type { MetricsLine } from './metricsFile.js'

/** Bytes of each file that belong to the steps so far, by its name. */
export type FilePositions = Readonly<Record<string, number>>

/** The files that grow by a line or more with every step, and what their lines hold. */
export interface GrowingLines {
  /** What is undefined is left out. */
  readonly metrics: Partial<MetricsLine> & Pick<MetricsLine, 'step'>
  readonly completions: CompletionLine
  readonly diagnosis: DiagnosisLine
}

type GrowingFile = keyof GrowingLines

/**
 * The JSON Lines files of a run that grow step by step. What a failed write, or a step that is made again, left behind the
 * lines of the steps so far is cut off by the next write. Lines that something else took away are noticed by the next write,
 * and when a run goes on.
 */
export class GrowingFiles {
  #writers: Map<string, JsonLinesWriter> | null = null
  /** Which files were opened: another one may lie there later. */
  #inodes = new Map<string, number>()
  #positions: FilePositions
  private readonly names: readonly string[]

  /**
   * Makes the folder and the files where they are missing. Goes on behind the steps of `positions`; without them it replaces the
   * files. What is not there any more is told as a warning. Throws a GrpoError when the operating system refuses.
   */
  constructor(
    private readonly folder: string,
    private readonly files: readonly GrowingFile[],
    positions: FilePositions,
    private readonly onWarning: (message: string) => void,
  ) {
    this.names = files.map((file) => runFileNames[file])
    this.#positions = Object.fromEntries(this.names.map((name) => [name, positions[name] ?? 0]))
    for (const message of this.#prepare()) onWarning(message)
  }

  get positions(): FilePositions {
    return this.#positions
  }

  /** Goes back to earlier positions: the steps behind them are made again. */
  goBack(positions: FilePositions): void {
    this.close()
    this.#positions = positions
  }

  /**
   * Adds the lines of a step: all of them, or none that counts. Throws a GrpoError when the operating system refuses.
   * @returns what was lost of earlier lines, because something else deleted the files or cut them short; nothing, as a rule
   */
  write(lines: { readonly [File in GrowingFile]?: readonly GrowingLines[File][] }): string[] {
    if (this.#writers && !this.#areAsWritten()) this.close()
    const lost = this.#writers ? [] : this.#prepare()
    try {
      this.#writers ??= new Map(
        this.names.map((name) => [name, new JsonLinesWriter(this.#path(name), { append: true })]),
      )
      for (const file of this.files) {
        for (const line of lines[file] ?? []) this.#writers.get(runFileNames[file])!.write(line)
      }
    } catch (error) {
      this.close()
      throw error
    }
    const status = this.names.map((name) => [name, fs.statSync(this.#path(name))] as const)
    this.#positions = Object.fromEntries(status.map(([name, { size }]) => [name, size]))
    this.#inodes = new Map(status.map(([name, { ino }]) => [name, ino]))
    return lost
  }

  /** Flushes what was written to the disk: a checkpoint that speaks of it must not outlast it. Throws a GrpoError. */
  flush(): void {
    for (const name of this.names) {
      const file = this.#path(name)
      try {
        const descriptor = fs.openSync(file, 'r+')
        try {
          fs.fsyncSync(descriptor)
        } finally {
          fs.closeSync(descriptor)
        }
      } catch (error) {
        // That it is gone is for the next write to tell; a checkpoint is the more wanted.
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw asWriteError(file, error)
      }
    }
  }

  /** A later step opens the files again and goes on behind what they hold. */
  close(): void {
    for (const writer of this.#writers?.values() ?? []) writer.close()
    this.#writers = null
  }

  #path(name: string): string {
    return path.join(this.folder, name)
  }

  /** Whether the open files are where they were, and hold what was written. */
  #areAsWritten(): boolean {
    let areAsWritten = true
    for (const name of this.names) {
      const status = fs.statSync(this.#path(name), { throwIfNoEntry: false })
      const expected = this.#positions[name]!
      if (status?.size === expected && status.ino === this.#inodes.get(name)) continue
      areAsWritten = false
      if ((status?.size ?? 0) <= expected) continue
      this.onWarning(
        `${this.#path(name)} was written to by something else: it had ${status!.size} bytes, of which the run wrote ` +
          `${expected}; the others were taken out`,
      )
    }
    return areAsWritten
  }

  /**
   * Makes what is missing and cuts off what lies behind the positions. Where a file is shorter, its position becomes the end of
   * its last whole line.
   * @returns what is not there any more
   */
  #prepare(): string[] {
    const lost: string[] = []
    try {
      fs.mkdirSync(this.folder, { recursive: true })
      for (const name of this.names) {
        const file = this.#path(name)
        const expected = this.#positions[name]!
        const size = fs.statSync(file, { throwIfNoEntry: false })?.size
        if (size === undefined || size < expected) {
          // Drops a last line that was cut in two.
          new JsonLinesWriter(file, { append: true }).close()
          if (expected > 0) lost.push(describeLoss(file, size, expected))
          this.#positions = { ...this.#positions, [name]: fs.statSync(file).size }
        } else if (size > expected) fs.truncateSync(file, expected)
      }
    } catch (error) {
      throw asWriteError(this.folder, error)
    }
    return lost
  }
}

function describeLoss(file: string, size: number | undefined, expected: number): string {
  return size === undefined
    ? `${file} is gone, and with it the ${expected} bytes that the steps so far had written`
    : `${file} has ${size} bytes, of the ${expected} that the steps so far had written: something else cut it short`
}
