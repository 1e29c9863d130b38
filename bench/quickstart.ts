/**
 * Runs the quickstart with several seeds, and its placebo, one after another, and prints a table of what they found.
 *
 *     npm run bench:quickstart -- [--seeds 1,2,3,4,5] [--output-dir runs/bench-quickstart]
 */
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { parseArgs } from 'node:util'
import type { QuickstartSummary } from '../src/cli/quickstart/summary.js'
import { duration } from '../src/io/units.js'
import { formatTable, percent } from '../src/cli/terminal/table.js'

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '1,2,3,4,5' },
    'output-dir': { type: 'string', default: path.join('runs', 'bench-quickstart') },
  },
})
const root = path.resolve(import.meta.dirname, '..')

/** One run in a process of its own, so that its peak memory is its own too. */
function run(seed: number, placebo: boolean): QuickstartSummary {
  const folder = path.join(values['output-dir'], placebo ? `placebo-${seed}` : `seed-${seed}`)
  const args = ['quickstart', '--seed', String(seed), '--output-dir', folder, ...(placebo ? ['--placebo'] : [])]
  const { status } = spawnSync(process.execPath, [path.join(root, 'dist/cli/main.js'), ...args], { stdio: 'inherit' })
  if (status !== 0) {
    console.error(`quickstart with seed ${seed} ended with ${status ?? 'a signal'}`)
    process.exit(1)
  }
  return JSON.parse(fs.readFileSync(path.join(folder, 'summary.json'), 'utf8')) as QuickstartSummary
}

const seeds = values.seeds.split(',').map(Number)
const summaries = [...seeds.map((seed) => run(seed, false)), run(seeds[0]!, true)]
console.log(
  `\n${formatTable(
    [
      { heading: 'run', text: ({ seed, placebo }) => `${placebo ? 'placebo' : 'seed'} ${seed}`, left: true },
      { heading: 'base', text: ({ base }) => percent(base.accuracy.value) },
      { heading: 'after', text: ({ trained }) => percent(trained.accuracy.value) },
      { heading: 'p', text: ({ pValue }) => pValue.toPrecision(2) },
      {
        heading: 'steps',
        text: ({ base, trained }) => `${base.steps.toFixed(2)} > ${trained.steps.toFixed(2)}`,
      },
      {
        heading: 'self-correcting',
        text: ({ base, trained }) =>
          `${percent(base.selfCorrecting) ?? '-'} > ${percent(trained.selfCorrecting) ?? '-'}`,
      },
      ...Object.keys(summaries[0]!.harder).map((variant) => ({
        heading: variant,
        text: ({ harder }: QuickstartSummary) =>
          `${percent(harder[variant]!.base) ?? ''} > ${percent(harder[variant]!.trained) ?? ''}`,
      })),
      { heading: 'time', text: ({ totalSeconds }) => duration(totalSeconds) },
      { heading: 'memory', text: ({ peakBytes }) => `${(peakBytes / 2 ** 30).toFixed(2)} GiB` },
    ],
    summaries,
  )}`,
)
