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
import type { Trouble } from './troubles/page.js'
import { course, runCommands } from './troubles/run.js'
import type { CommandsResult } from './troubles/run.js'

const program = new Command('npm run bench:troubles --')
  .option('--only <findings...>', 'troubles by what they provoke')
  .option('--page <file>', 'the page', path.join('docs', 'troubleshooting.md'))
  .parse()
const { only, page } = program.opts<{ only?: string[]; page: string }>()

/** What a trouble gave, for the page; null, with the reason printed, where it is not what the page says. */
function examine(trouble: Trouble): string | null {
  const provoked = runCommands(trouble.provoke)
  const cured = runCommands(trouble.cure)
  const complain = (what: string): null => {
    console.error(`FAILED ${trouble.provokes}: ${what}`)
    return null
  }
  if (cured.status !== 0) return complain(`the cure ended with ${cured.status}: ${cured.error ?? 'no message'}`)
  if (trouble.provokes === 'refused') {
    return provoked.error === null ? complain('it was not refused') : `\n> error: ${provoked.error}\n\n`
  }
  if (provoked.status !== 0) return complain(`it ended with ${provoked.status}: ${provoked.error ?? 'no message'}`)
  const said = provoked.findings.find(({ name }) => name === trouble.provokes)
  const others = (result: CommandsResult): string =>
    [...new Set(result.findings.map(({ name }) => name))].join(', ') || 'nothing'
  if (!said) return complain(`the diagnosis did not say so, but ${others(provoked)}`)
  if (cured.findings.some(({ name }) => name === trouble.provokes))
    return complain('the diagnosis says so of the cure, too')
  const { name, subject, severity, step, message, advice } = said
  const title = `${name.replaceAll('_', ' ')}${subject === null ? '' : ` (${subject})`}`
  const rows = trouble.shows.map(
    (metric) =>
      `| \`${metric}\` | ${course(provoked.metrics, metric) ?? '–'} | ${course(cured.metrics, metric) ?? '–'} |`,
  )
  return [
    '',
    `After step ${step}:`,
    '',
    `> ${severity}: ${title}: ${message}. Try: ${advice}`,
    '',
    '| from the first steps to the last | provoked | not |',
    '| --- | ---: | ---: |',
    ...rows,
    '',
    `Of the other run the diagnosis said ${others(cured).replaceAll(/(\w+)/g, (word) => (word === 'nothing' ? word : `\`${word}\``))}.`,
    '',
    '',
  ].join('\n')
}

const { prepare, troubles } = readTroubles(fs.readFileSync(page, 'utf8'))
const chosen = troubles.filter(({ provokes }) => only?.includes(provokes) ?? true)
if (chosen.some(({ provoke, cure }) => `${provoke}${cure}`.includes('runs/trouble/reasoner'))) {
  const { status, error } = runCommands(prepare, ['runs/trouble/learned', 'runs/trouble/reasoner'])
  if (status !== 0) throw new Error(`what the others need ended with ${status}: ${error ?? 'no message'}`)
}
for (const trouble of chosen) {
  console.log(`\n${trouble.provokes}`)
  const measured = examine(trouble)
  if (measured === null) process.exitCode = 1
  // What is there is worth keeping, should a later one fail.
  else atomicWriteFile(page, withMeasured(fs.readFileSync(page, 'utf8'), troubles.indexOf(trouble), measured))
}
