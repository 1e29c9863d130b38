import fs from 'node:fs'
import os from 'node:os'
import type { QuickstartSummary } from '../../src/cli/quickstart/summary.js'
import { atomicWriteFile } from '../../src/io/atomicWrite.js'
import { readJson } from '../../src/io/readJsonFile.js'
import type { AnswerCounts } from './answerCounts.js'
import type { Subject } from './subject.js'

/** Everything that was measured of one model. */
export interface Results {
  readonly model: string
  /** Results of another one are thrown away. */
  readonly checksum: string
  /** Where the last of them was measured, and when. */
  readonly measured: { processor: string; cores: number; node: string; date: string }
  readonly runs: readonly QuickstartSummary[]
  readonly passAtK: readonly SetCounts[]
  /** Of problems in a file; null when none was asked for. */
  readonly wordings: WordingCounts | null
}

/** The answers of a model without an adapter, with that of a seed, and with that of the seed's placebo. */
export interface SetCounts {
  readonly set: string
  readonly description: string
  readonly seed: number
  readonly base: AnswerCounts
  readonly trained: AnswerCounts
  readonly placebo: AnswerCounts
}

export interface WordingCounts {
  /** SHA-256 of the file. */
  readonly file: string
  readonly base: AnswerCounts
  readonly trained: readonly { readonly seed: number; readonly answers: AnswerCounts }[]
}

/** The results of a subject that a file holds; empty ones if it has none, or those of another subject. */
export function readResults(file: string, { model, checksum }: Subject): Results {
  const found = fs.existsSync(file) ? (readJson(file) as Results) : null
  // Sets that were measured before the placebo was a part of them are measured again.
  if (found?.checksum === checksum) return { ...found, passAtK: found.passAtK.filter((set) => 'placebo' in set) }
  return { model, checksum, measured: here(), runs: [], passAtK: [], wordings: null }
}

/** Replaces parts of the results, and writes all of them: a line for each run and set. */
export function writeResults(file: string, results: Results, changes: Partial<Results>): Results {
  const all = { ...results, ...changes, measured: here() }
  const list = (items: readonly unknown[]): string =>
    items.length === 0 ? '[]' : `[\n    ${items.map((item) => JSON.stringify(item)).join(',\n    ')}\n  ]`
  const fields = Object.entries(all).map(
    ([name, value]: [string, unknown]) => `  "${name}": ${Array.isArray(value) ? list(value) : JSON.stringify(value)}`,
  )
  atomicWriteFile(file, `{\n${fields.join(',\n')}\n}\n`)
  return all
}

function here(): Results['measured'] {
  return {
    processor: os.cpus()[0]?.model.trim() ?? 'an unknown processor',
    cores: os.cpus().length,
    node: process.versions.node,
    date: new Date().toISOString().slice(0, 10),
  }
}
