/**
 * Short trainings of the embedded model that differ in one thing each (size of a group, temperature, learning rate, number of problems,
 * rewards), measured on the same held-out problems: the tables and curves of docs/best-practices.md. Every run is kept in
 * docs/practices/results.jsonl at once; runs that are there, of the same model and sizes, are not made again.
 *
 *     npm run bench:practices -- [--only group-size …] [--seeds 2] [--steps 25] [--held-out 300] [--anew]
 */
import fs from 'node:fs'
import path from 'node:path'
import { Command } from 'commander'
import { runOptions } from '../src/cli/quickstart/settings.js'
import { engineOptions } from '../src/engine/engineOptions.js'
import { selectEngine } from '../src/engine/registry.js'
import { schemaFlags } from '../src/cli/terminal/schemaFlags.js'
import type { Flags } from '../src/cli/terminal/schemaFlags.js'
import { atomicWriteFile } from '../src/io/atomicWrite.js'
import { experiments } from './practices/experiments.js'
import { measureBase, practice } from './practices/practiceRun.js'
import { readResults, writeResults } from './practices/results.js'
import type { PracticeResults } from './practices/results.js'
import { curvesOf, withTables } from './practices/resultsPage.js'

const ofEngine = schemaFlags(engineOptions)
const program = new Command('npm run bench:practices --')
  .option('--only <names...>', `experiments: ${experiments.map(({ name }) => name).join(', ')}`)
  .option('--seeds <N>', 'runs of each variant, with the seeds 1 to N', Number, 2)
  .option('--steps <N>', 'optimizer steps of a run', Number, 25)
  .option('--held-out <N>', 'held-out problems', Number, 300)
  .option('--anew', 'make runs again that are there')
  .option('--page <file>', 'the page', path.join('docs', 'best-practices.md'))
  .option('--output <folder>', 'folder of the results', path.join('docs', 'practices'))
ofEngine.addTo(program)
program.parse()
const { only, seeds, steps, heldOut, anew, page, output } = program.opts<{
  only?: string[]
  seeds: number
  steps: number
  heldOut: number
  anew?: true
  page: string
  output: string
}>()
const unknown = only?.filter((name) => !experiments.some((experiment) => experiment.name === name)) ?? []
if (unknown.length > 0) {
  throw new Error(
    `there is no experiment ${unknown.join(', ')}; there are ${experiments.map(({ name }) => name).join(', ')}`,
  )
}
const { engine, ...options } = ofEngine.parse('bench:practices', program.opts<Flags>())
await selectEngine(engine, options)

const file = path.join(output, 'results.jsonl')
const sizes = { model: runOptions.model, steps, heldOut }
let results: PracticeResults = (anew && !only ? null : readResults(file, sizes)) ?? {
  ...sizes,
  base: await measureBase(sizes),
  runs: [],
}
const made = new Set<string>()
for (const { variants } of experiments.filter(({ name }) => only?.includes(name) ?? true)) {
  for (const variant of variants) {
    for (let seed = 1; seed <= seeds; seed++) {
      const isThere = results.runs.some((run) => run.name === variant.name && run.seed === seed)
      const key = `${variant.name} ${seed}`
      if ((isThere && !anew) || made.has(key)) continue
      made.add(key)
      const started = performance.now()
      const run = await practice(variant, seed, sizes)
      const others = results.runs.filter(({ name, seed: other }) => name !== run.name || other !== seed)
      results = { ...results, runs: [...others, run] }
      writeResults(file, results)
      const seconds = ((performance.now() - started) / 1000).toFixed(0)
      console.log(`${key}: ${(100 * run.heldOut.sampled).toFixed(1)} % right, ${seconds} s`)
    }
  }
}
for (const experiment of experiments) {
  const curves = curvesOf(experiment, results)
  if (curves !== null) atomicWriteFile(path.join(output, `${experiment.name}.svg`), curves)
}
atomicWriteFile(page, withTables(fs.readFileSync(page, 'utf8'), results))
