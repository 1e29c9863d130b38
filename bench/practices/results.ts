import fs from 'node:fs'
import path from 'node:path'
import { atomicWriteFile } from '../../src/io/atomicWrite.js'
import type { Measured, PracticeRun, PracticeSizes } from './practiceRun.js'

/** What the experiments found, as docs/practices/results.json holds it. */
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
  const results = JSON.parse(fs.readFileSync(file, 'utf8')) as PracticeResults
  const { model, steps, heldOut } = sizes
  return results.model === model && results.steps === steps && results.heldOut === heldOut ? results : null
}

/** Writes them with a line for each run, numbers to four digits. */
export function writeResults(file: string, results: PracticeResults): void {
  const rounded = (_: string, value: unknown): unknown =>
    typeof value === 'number' ? Number(value.toPrecision(4)) : value
  const { runs, ...rest } = results
  const lines = runs.map((run) => JSON.stringify(run, rounded)).join(',\n')
  const text = `${JSON.stringify(rest, rounded).slice(0, -1)},"runs":[\n${lines}\n]}\n`
  fs.mkdirSync(path.dirname(file), { recursive: true })
  atomicWriteFile(file, text)
}
