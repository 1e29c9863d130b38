import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { duration } from '../../src/io/units.js'
import { percent } from '../../src/cli/terminal/table.js'
import type { Column } from '../../src/cli/terminal/table.js'
import type { Estimate } from '../../src/run/evaluation.js'
import { atomicWriteFile } from '../../src/io/atomicWrite.js'
import { drawCurves } from './curves.js'
import type { BeforeAfter, RecipeRun } from './recipeRun.js'

/** The table of a recipe's runs. */
export const columns: readonly Column<RecipeRun>[] = [
  { heading: 'seed', text: ({ seed }) => String(seed) },
  ...decodingColumns('greedy', ({ greedy }) => greedy),
  ...decodingColumns('sampled', ({ sampled }) => sampled),
  { heading: 'training', text: ({ trainingSeconds }) => duration(trainingSeconds) },
  { heading: 'in all', text: ({ process }) => duration(process.seconds) },
  {
    heading: 'memory',
    text: ({ process: { peakBytes } }) => (peakBytes === null ? null : `${(peakBytes / 2 ** 30).toFixed(2)} GiB`),
  },
]

function decodingColumns(name: string, of: (run: RecipeRun) => BeforeAfter): Column<RecipeRun>[] {
  return [
    { heading: `${name} before`, text: (run) => percent(of(run).before.value) },
    { heading: 'after', text: (run) => percent(of(run).after.value) },
    { heading: 'points', text: (run) => points(of(run).difference) },
    { heading: 'p', text: (run) => describePValue(of(run).pValue) },
  ]
}

/**
 * Writes what the runs of a recipe found into a folder: NAME.md with the table and the curves of NAME.svg, and NAME-seed-N.jsonl, the
 * main metrics of every step.
 */
export function writeResults(folder: string, recipe: string, model: string, runs: readonly RecipeRun[]): void {
  fs.mkdirSync(folder, { recursive: true })
  for (const { seed, steps } of runs) {
    const lines = steps.map((metrics) => `${JSON.stringify(metrics)}\n`)
    atomicWriteFile(path.join(folder, `${recipe}-seed-${seed}.jsonl`), lines.join(''))
  }
  const curves = runs.map(({ seed, steps }) => ({
    name: `seed ${seed}`,
    values: steps.map((metrics) => metrics['rewards/correctness/mean'] ?? 0),
  }))
  atomicWriteFile(
    path.join(folder, `${recipe}.svg`),
    drawCurves('right answers in the batch of each training step', curves),
  )
  atomicWriteFile(path.join(folder, `${recipe}.md`), resultsPage(recipe, model, runs))
}

function resultsPage(recipe: string, model: string, runs: readonly RecipeRun[]): string {
  const { problems, samples, temperature, steps } = runs[0]!
  const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`
  return [
    `# ${recipe}: what it reaches`,
    '',
    `${runs.length} ${runs.length === 1 ? 'run' : 'runs'} of ${steps.length} steps from \`npm run bench:recipes -- --recipe ${recipe} --model ${model} --seeds ${runs.length}\` on ` +
      `${os.cpus()[0]?.model.trim() ?? 'an unknown processor'}, ${os.cpus().length} cores, Node ${process.versions.node}, ${new Date().toISOString().slice(0, 10)}.`,
    `${problems} held-out problems, each answered once greedily and ${samples === 1 ? 'once' : `${samples} times`} at temperature ${temperature}; right means the right`,
    'number in the form asked for. Differences are paired by problem, with 95 % intervals and p-values of one run each',
    '([how](../evaluation.md)). "In all" is loading, training and both evaluations.',
    '',
    row(columns.map(({ heading }) => heading)),
    row(columns.map(() => '---:')),
    ...runs.map((run) => row(columns.map(({ text }) => text(run) ?? ''))),
    '',
    `![Share of right answers in the batch of each step](${recipe}.svg)`,
    '',
    'Batches are small and their questions differ in difficulty, so these curves jump; the table is what counts.',
    `Every step: ${runs.map(({ seed }) => `[seed ${seed}](${recipe}-seed-${seed}.jsonl)`).join(', ')}.`,
    '',
  ].join('\n')
}

/** `+48.6 (39.3 to 56.2)`: percentage points */
function points({ value, low, high }: Estimate): string {
  const signed = (share: number): string => `${share < 0 ? '−' : '+'}${Math.abs(100 * share).toFixed(1)}`
  return low === null || high === null ? signed(value) : `${signed(value)} (${signed(low)} to ${signed(high)})`
}

function describePValue(value: number): string {
  return value < 0.0001 ? '< 0.0001' : value.toFixed(4)
}
