import fs from 'node:fs'
import path from 'node:path'
import { readCompletions } from '../../src/run/completionsFile.js'
import type { CompletionLine } from '../../src/run/completionsFile.js'

const fixtures = path.resolve(import.meta.dirname, '../fixtures/import')

/** Copies what an engine left (test/fixtures/import) to where a test may change it. */
export function copyFixture(name: 'trl' | 'trl-chat' | 'verl', folder: string): string {
  fs.cpSync(path.join(fixtures, name), folder, { recursive: true })
  return folder
}

/** All lines of completions.jsonl of a run. */
export async function completionsOf(run: string): Promise<CompletionLine[]> {
  const lines: CompletionLine[] = []
  for await (const line of readCompletions(run)) lines.push(line)
  return lines
}

interface State {
  global_step: number
  log_history: Record<string, unknown>[]
}

/** Changes trainer_state.json of a checkpoint; `change` returns what the file is to hold, or changes the state that it gets. */
export function changeState(
  folder: string,
  step: number,
  change: (state: State) => string | Uint8Array | undefined,
): void {
  const file = path.join(folder, `checkpoint-${step}`, 'trainer_state.json')
  const state = JSON.parse(fs.readFileSync(file, 'utf8')) as State
  fs.writeFileSync(file, change(state) ?? JSON.stringify(state))
}
