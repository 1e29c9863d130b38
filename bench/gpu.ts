/**
 * `npm run bench:gpu`: what there is to know of an engine on a machine, in one run and one report: setup, doctor, selftest, golden
 * numbers, agreement with the cpu engine, tokens per second at several batch sizes beside PyTorch, transformers and TRL, memory, and
 * a run that learns. A part that fails or takes too long takes nothing with it. See docs/engines.md.
 */
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { Command } from 'commander'
import { sharedPath } from '../test/shared.js'
import { schemaFlags } from '../src/cli/terminal/schemaFlags.js'
import type { Flags } from '../src/cli/terminal/schemaFlags.js'
import { engineOptions } from '../src/engine/engineOptions.js'
import { atomicWriteFile, atomicWriteJson } from '../src/io/atomicWrite.js'
import { formatGpuReport } from './gpu/report.js'
import type { GpuReport } from './gpu/report.js'
import { runSection } from './gpu/section.js'
import { planSections } from './gpu/sections.js'
import { unpackedModel } from './workloads.js'

interface OwnFlags {
  python: string
  model?: string
  wheels?: string
  out: string
  minutes: number
  quick: boolean
}

const ofEngine = schemaFlags(engineOptions)
const program = new Command('npm run bench:gpu --')
  .description('Measures and checks an engine on this machine, in at most ten minutes, and writes one report.')
  .option(
    '--model <folder>',
    'SmolLM2-135M-Instruct (default: what ../shared/models/unpack.mjs makes, else random weights)',
  )
  .option('--python <path>', 'Python with torch, transformers, peft and TRL', process.env.GRPO_TS_PYTHON ?? 'python3')
  .option('--wheels <folder>', 'where setup takes wheels from, without a network')
  .option('--out <folder>', 'folder of the report', path.join('runs', 'bench-gpu'))
  .option('--minutes <number>', 'most minutes that all parts take together', Number, 10)
  .option('--quick', 'a tiny model, to see that it works', false)
ofEngine.addTo(program)
program.parse()
const { python, model, wheels, out, minutes, quick } = program.opts<OwnFlags>()
const choice = ofEngine.parse('bench:gpu', program.opts<Flags>())

fs.mkdirSync(out, { recursive: true })
const scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'grpo-ts-bench-gpu-'))
const deadline = performance.now() + 60_000 * minutes
const report: GpuReport = {
  started: new Date().toISOString(),
  cpu: os.cpus()[0]?.model.trim() ?? 'unknown',
  cores: os.availableParallelism(),
  node: process.version,
  choice,
  sections: [],
}
const write = (): void => {
  atomicWriteJson(path.join(out, 'report.json'), report)
  atomicWriteFile(path.join(out, 'report.md'), formatGpuReport(report))
}
try {
  const golden = sharedPath('golden')
  const smolLM2 = quick ? null : (model ?? unpackedModel())
  for (const section of planSections({ choice, python, wheels: wheels ?? null, quick, smolLM2, golden, scratch })) {
    const secondsLeft = (deadline - performance.now()) / 1000
    if (secondsLeft <= 0) {
      report.sections.push({ name: section.name, status: 'skipped', why: `the ${minutes} minutes were over` })
    } else if ('why' in section) {
      report.sections.push({ name: section.name, status: 'skipped', why: section.why })
    } else {
      process.stderr.write(`${section.name} …`)
      const result = await runSection(section, secondsLeft)
      process.stderr.write(` ${result.status} after ${result.seconds.toFixed(0)} s\n`)
      report.sections.push(result)
    }
    write()
  }
} finally {
  fs.rmSync(scratch, { recursive: true, force: true })
}
process.stdout.write(`${formatGpuReport(report)}\n${path.join(out, 'report.md')} and report.json\n`)
process.exitCode = report.sections.some(({ status }) => status === 'failed' || status === 'late') ? 1 : 0
