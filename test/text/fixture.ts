import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { Tokenizer } from '../../src/text/tokenizer.js'

const FIXTURES = path.resolve(import.meta.dirname, '../fixtures/tokenizer')

/** Folders made by test/fixtures/tokenizer/make.mjs. */
export const FIXTURE = { byteLevel: FIXTURES, llama2: path.join(FIXTURES, 'llama2') }

/** What to write over a fixture's files: text as it is, null to remove, a function to change the parsed JSON. */
export type Changes = Record<string, string | null | ((json: Record<string, unknown>) => void)>

/** The tokenizer of a copy of a fixture's folder in which some files are changed. */
export function loadChanged(folder: string, changes: Changes): Tokenizer {
  const copy = fs.mkdtempSync(path.join(os.tmpdir(), 'grpo-ts-tokenizer-'))
  try {
    fs.cpSync(folder, copy, { recursive: true })
    for (const [name, change] of Object.entries(changes)) {
      const file = path.join(copy, name)
      if (change === null) fs.rmSync(file)
      else if (typeof change === 'string') fs.writeFileSync(file, change)
      else {
        const json = JSON.parse(fs.readFileSync(file, 'utf8')) as Record<string, unknown>
        change(json)
        fs.writeFileSync(file, JSON.stringify(json))
      }
    }
    return Tokenizer.load(copy)
  } finally {
    fs.rmSync(copy, { recursive: true })
  }
}
