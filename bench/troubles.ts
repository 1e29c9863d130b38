/**
 * Runs the commands of docs/troubleshooting.md that provoke and cure troubles, checks that the diagnosis says what the page says it does
 * for the first and not for the second, and writes what came into the page. Ends with 1 when one did not.
 *
 *     npm run bench:troubles -- [--only identical_completions …] [--page docs/troubleshooting.md]
 */
import fs from 'node:fs'
import path from 'node:path'
import { Command } from 'commander'
import { atomicWriteFile } from '../src/io/atomicWrite.js'
import { readTroubles, withMeasured } from './troubles/page.js'
import { describeMeasured } from './troubles/measured.js'
import { runCommands } from './troubles/run.js'

const program = new Command('npm run bench:troubles --')
  .option('--only <findings...>', 'troubles by what they provoke')
  .option('--page <file>', 'the page', path.join('docs', 'troubleshooting.md'))
  .parse()
const { only, page } = program.opts<{ only?: string[]; page: string }>()

const { prepare, troubles } = readTroubles(fs.readFileSync(page, 'utf8'))
const chosen = troubles.filter(({ provokes }) => only?.includes(provokes) ?? true)
if (chosen.some(({ provoke, cure }) => `${provoke}${cure}`.includes('runs/trouble/reasoner'))) {
  const { status, error } = runCommands(prepare)
  if (status !== 0) throw new Error(`what the others need ended with ${status}: ${error ?? 'no message'}`)
}
for (const trouble of chosen) {
  console.log(`\n${trouble.provokes}`)
  const [provoked, cured] = [runCommands(trouble.provoke), runCommands(trouble.cure)]
  try {
    const measured = describeMeasured(trouble, provoked, cured)
    // What is there is worth keeping, should a later one fail.
    atomicWriteFile(page, withMeasured(fs.readFileSync(page, 'utf8'), troubles.indexOf(trouble), measured))
  } catch (error) {
    console.error(`FAILED ${trouble.provokes}: ${error instanceof Error ? error.message : String(error)}`)
    process.exitCode = 1
  }
}
