import { course } from './run.js'
import type { CommandsResult } from './run.js'
import type { Trouble } from './page.js'

/**
 * What a trouble gave, as the page tells it: what the diagnosis said, and its metrics in both runs. Throws an Error that says what is
 * otherwise than the page claims.
 */
export function describeMeasured(trouble: Trouble, provoked: CommandsResult, cured: CommandsResult): string {
  const { provokes, shows } = trouble
  if (cured.status !== 0) throw new Error(`the cure ended with ${cured.status}: ${cured.error ?? 'no message'}`)
  if (provokes === 'refused') {
    if (provoked.error === null) throw new Error('it was not refused')
    return `\n> error: ${provoked.error}\n\n`
  }
  if (provoked.status !== 0) throw new Error(`it ended with ${provoked.status}: ${provoked.error ?? 'no message'}`)
  const said = saidBy(provoked, provokes)
  if (cured.findings.some(({ name }) => name === provokes)) throw new Error(`the diagnosis says so of the cure, too`)
  return [
    '',
    ...said,
    '| from the first steps to the last | provoked | not |',
    '| --- | ---: | ---: |',
    ...shows.map(
      (metric) =>
        `| \`${metric}\` | ${course(provoked.metrics, metric) ?? '–'} | ${course(cured.metrics, metric) ?? '–'} |`,
    ),
    '',
    `Of the other run the diagnosis said ${namesOf(cured)}.`,
    '',
    '',
  ].join('\n')
}

function saidBy(provoked: CommandsResult, provokes: string): string[] {
  const said = provoked.findings.find(({ name }) => name === provokes)
  if (!said) throw new Error(`the diagnosis did not say so, but ${namesOf(provoked)}`)
  const { name, subject, severity, step, message, advice } = said
  const title = `${name.replaceAll('_', ' ')}${subject === null ? '' : ` (${subject})`}`
  return [`After step ${step}:`, '', `> ${severity}: ${title}: ${message}. Try: ${advice}`, '']
}

function namesOf({ findings }: CommandsResult): string {
  return [...new Set(findings.map(({ name }) => `\`${name}\``))].join(', ') || 'nothing'
}
