import { markdownTable } from '../quickstart/markdown.js'
import type { Answered, SmallTaskResult } from './measure.js'

/** A row before and a row after training for each task; after training the numbers of all seeds. */
export function smallTasksTable(results: readonly SmallTaskResult[]): string {
  const row = (task: string, when: string, all: readonly Answered[]): string[] => [
    `${task}, ${when}`,
    `${all.map(({ greedy }) => (100 * greedy).toFixed(1)).join(', ')} %`,
    `${all.map(({ sampled }) => (100 * sampled).toFixed(1)).join(', ')} %`,
    all.map(({ steps }) => steps.toFixed(1)).join(', '),
    all.map(({ tokens }) => tokens.toFixed(0)).join(', '),
  ]
  return markdownTable(
    ['', 'right, likeliest', 'right, sampled', 'steps', 'tokens'],
    results.flatMap(({ task, base, trained }) => [
      row(`\`${task}\``, 'base', [base]),
      row(`\`${task}\``, 'trained', trained),
    ]),
  )
}
