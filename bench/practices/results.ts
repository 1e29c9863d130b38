import fs from 'node:fs'
import path from 'node:path'
import { atomicWriteFile } from '../../src/io/atomicWrite.js'
import type { Measured, PracticeRun, PracticeSizes } from './practiceRun.js'

/** What the experiments found, as docs/practices/results.jsonl holds it: a line for all, then one for each run. */
export interface PracticeResults extends PracticeSizes {
  /** The embedded model that was trained. */
  readonly model: string
  /** The model as it was before. */
  readonly base: Measured
  readonly runs: readonly PracticeRun[]
}

/** The results of a file; null where there is none, or they are of another model or of other sizes. */
export function readResults(file: string, sizes: PracticeSizes & { readonly model: string }): PracticeResults | null {
  if (!fs.existsSync(file)) return null
  const [head, ...runs] = fs.readFileSync(file, 'utf8').trimEnd().split('\n')
  const found = JSON.parse(head!) as Omit<PracticeResults, 'runs'>
  const { model, steps, heldOut } = sizes
  if (found.model !== model || found.steps !== steps || found.heldOut !== heldOut) return null
  return { ...found, runs: runs.map((line) => JSON.parse(line) as PracticeRun) }
}

/** Writes them, numbers to four digits. */
export function writeResults(file: string, { runs, ...head }: PracticeResults): void {
  const rounded = (_: string, value: unknown): unknown =>
    typeof value === 'number' ? Number(value.toPrecision(4)) : value
  const lines = [head, ...runs].map((line) => `${JSON.stringify(line, rounded)}\n`)
  fs.mkdirSync(path.dirname(file), { recursive: true })
  atomicWriteFile(file, lines.join(''))
}
