/** `npm run bench`: the speed and the memory of the cpu backend, from single kernels to GRPO steps; see docs/performance.md. */
import os from 'node:os'
import path from 'node:path'
import { Command, InvalidArgumentError } from 'commander'
import { sharedPath } from '../test/shared.js'
import { simdWidths } from '../src/backend/cpu/simd.js'
import type { SimdWidth } from '../src/backend/cpu/simd.js'
import { engines } from '../src/engine/registry.js'
import type { EngineName } from '../src/engine/registry.js'
import type { EngineChoice } from './engineChoice.js'
import { reportKernels } from './kernels.js'
import { createReport } from './report.js'
import type { BenchRecord, Report } from './report.js'
import { canImport } from './torch.js'
import { compareWithTrl, reportComparison, runTrl, trlPackages } from './vsTrl.js'
import type { WaitPolicy } from './vsTrl.js'
import type { WorkloadJob } from './worker.js'
import { reportWorkloads, runJob, withSpeedup } from './workloadRuns.js'
import { modelFolders, unpackedModel, workloads } from './workloads.js'
import type { ModelFolders, Workload } from './workloads.js'

const parts = ['peak', 'kernels', 'generation', 'training', 'step'] as const
type Part = (typeof parts)[number]

interface BenchFlags {
  only?: string[]
  workloads?: string[]
  threads: number[]
  simd?: SimdWidth[]
  engine: EngineName[]
  device?: EngineChoice['device']
  precision?: EngineChoice['precision']
  model?: string
  json: string
  quick: boolean
  python: string
  vsTrl: boolean
  baseline?: string
  waitPolicy: WaitPolicy[]
}

const program = new Command('npm run bench --')
  .description(
    'Measures the cpu engine, and others beside it: peak, kernels and GRPO steps (tables on standard output, JSON lines in a file). ' +
      'By itself: the peak, the kernels and all steps; a step is generation, training and optimizer.',
  )
  .option('--only <parts>', `some of ${parts.join(', ')}, separated by commas`, parseList(parts))
  .option(
    '--workloads <names>',
    `some of ${workloads.map(({ name }) => name).join(', ')}`,
    parseList(workloads.map(({ name }) => name)),
  )
  .option('--threads <numbers>', 'threads to compare', parseThreadCounts, defaultThreadCounts())
  .option(
    '--simd <names>',
    `sets of kernels to compare, some of ${simdWidths.join(', ')} (default: what GRPO_TS_SIMD says, or the fastest)`,
    parseList(simdWidths),
  )
  .option('--engine <names>', 'engines whose steps are compared', parseList(engines.map(({ name }) => name)), ['cpu'])
  .option('--device <kind>', 'what engines other than cpu compute on')
  .option('--precision <format>', 'what they compute in')
  .option('--model <folder>', 'SmolLM2-135M-Instruct (default: what ../shared/models/unpack.mjs makes)')
  .option('--json <file>', 'where the JSON lines go', path.join('runs', 'bench.jsonl'))
  .option('--quick', 'a few small sizes, to see that it works', false)
  .option('--python <path>', 'Python with torch, and with TRL for --vs-trl', process.env.GRPO_TS_PYTHON ?? 'python3')
  .option('--vs-trl', 'run the same steps with TRL too, on the largest number of threads', false)
  .option('--baseline <folder>', "folder of TRL's scripts (default: ../shared/baseline)")
  .option(
    '--wait-policy <names>',
    'how OpenMP waits in TRL: default, passive, or both; steps that take long run with the first only',
    parseList(['default', 'passive'] as const),
    ['default', 'passive'],
  )
  .action(main)

try {
  await program.parseAsync()
  process.exit(0)
} catch (error) {
  process.stderr.write(`error: ${(error as Error).message}\n`)
  process.exit(1)
}

function main(flags: BenchFlags): void {
  const wanted = (part: Part): boolean => (flags.only ?? ['peak', 'kernels', 'step']).includes(part)
  const baseline = flags.baseline ?? sharedPath('baseline')
  if (flags.vsTrl) checkTrl(flags.python, baseline)
  const report = createReport(flags.json)
  const started = performance.now()
  describeMachine(report)
  const folders = modelFolders(flags.model ?? unpackedModel())
  try {
    const records: BenchRecord[] = []
    const comparisons: BenchRecord[] = []
    for (const part of ['generation', 'training', 'step'] as const) {
      if (!wanted(part)) continue
      for (const workload of chosenWorkloads(flags)) {
        const trl = flags.vsTrl && part === 'step' ? { ...flags, baseline: baseline! } : null
        measureWorkload(part, workload, flags, folders, trl, { records, comparisons, report })
      }
    }
    reportWorkloads(records, report)
    reportComparison(comparisons, report)
    if (wanted('peak') || wanted('kernels')) {
      const { threads, python, quick } = flags
      const job = { part: wanted('kernels') ? 'kernels' : 'peak', threads, python, quick } as const
      reportKernels(
        simdSets(flags).map((simd) => runJob(job, simd)),
        report,
      )
    }
  } finally {
    folders.remove()
    report.close()
  }
  process.stdout.write(
    `\n${((performance.now() - started) / 60_000).toFixed(1)} minutes; JSON lines in ${flags.json}\n`,
  )
}

function chosenWorkloads({ workloads: names, quick }: BenchFlags): readonly Workload[] {
  return workloads.filter((workload) =>
    names ? names.includes(workload.name) : workload.quick === quick && !workload.byName,
  )
}

/** Values of GRPO_TS_SIMD to compare; null for that of this process. */
function simdSets({ simd }: BenchFlags): readonly (SimdWidth | null)[] {
  return simd ?? [null]
}

/** An engine as it takes its turn, with a set of kernels where it has several. */
interface Variant {
  readonly choice: EngineChoice
  readonly simd: SimdWidth | null
}

/** What takes turns on a number of threads: each set of the cpu engine's kernels, and the other engines, which take all cores. */
function variants(flags: BenchFlags, threads: number, isMost: boolean): Variant[] {
  const { device, precision } = flags
  return flags.engine.flatMap((engine): Variant[] => {
    if (engine === 'cpu') return simdSets(flags).map((simd) => ({ choice: { engine, threads }, simd }))
    return isMost ? [{ choice: { engine, device, precision }, simd: null }] : []
  })
}

/** What the other numbers depend on. */
function describeMachine(report: Report): void {
  const cpu = os.cpus()[0]?.model.trim() ?? 'unknown'
  const load = os.loadavg()[0]!
  const [node, cores] = [process.version, os.availableParallelism()]
  report.record({ benchmark: 'machine', cpu, cores, node, platform: `${process.platform} ${process.arch}`, load })
  process.stdout.write(`${cpu}, ${cores} cores, Node ${node}, load ${load.toFixed(1)}\n`)
}

/** Measures a workload with each set of kernels on each number of threads and, with TRL's options, TRL in turn with the largest. */
function measureWorkload(
  part: WorkloadJob['part'],
  workload: Workload,
  flags: BenchFlags,
  folders: ModelFolders,
  trl: { python: string; baseline: string; waitPolicy: WaitPolicy[] } | null,
  { records, comparisons, report }: { records: BenchRecord[]; comparisons: BenchRecord[]; report: Report },
): void {
  const modelFolder = folders.of(workload)
  if (modelFolder === null) {
    report.progress(`skipped ${workload.name}: it needs SmolLM2-135M-Instruct; name its folder with --model`)
    return
  }
  const most = Math.max(...flags.threads)
  const run = (threads: number): BenchRecord[] =>
    variants(flags, threads, threads === most).map(({ choice, simd }) => {
      const kernels = simd === null ? '' : `; kernels: ${simd}`
      report.progress(
        `${part} of ${workload.name}: ${workload.description}; ${choice.engine}, threads: ${threads}${kernels}`,
      )
      const record = withSpeedup(runJob({ part, workload, modelFolder, threads, choice }, simd)[0]!, records)
      report.record(record)
      records.push(record)
      return record
    })
  for (const threads of flags.threads) if (threads < most && workload.onAllThreads) run(threads)
  const ours = [run(most)]
  if (!trl) return
  const theirs: BenchRecord[] = []
  for (const [i, waitPolicy] of trl.waitPolicy.entries()) {
    if (i > 0 && workload.steps === 1) break
    report.progress(`${workload.name} with TRL, waiting: ${waitPolicy}; threads: ${most}`)
    const record = runTrl(workload, { ...trl, threads: most, waitPolicy, modelFolder: folders.pretrained })
    if (!record) {
      report.progress(`  ${workload.name} is not among TRL's scripts`)
      return
    }
    report.record(record)
    theirs.push(record)
    records.push(record)
    if (i + 1 < trl.waitPolicy.length && workload.steps > 1) ours.push(run(most))
  }
  for (const i of ours[0]!.keys()) {
    const comparison = compareWithTrl(
      ours.map((runs) => runs[i]!),
      theirs,
    )
    report.record(comparison)
    comparisons.push(comparison)
  }
}

/** Stops before the first measurement when TRL cannot be compared with. */
function checkTrl(python: string, baseline: string | null): void {
  if (baseline === null) throw new Error('--vs-trl: ../shared/baseline is not here; name its folder with --baseline')
  if (canImport(python, trlPackages)) return
  throw new Error(
    `--vs-trl: ${python} cannot import ${trlPackages.join(', ')}; name one that can with --python (see docs/performance.md)`,
  )
}

/** 1, 2, 4 … threads, up to the number of cores. */
function defaultThreadCounts(): number[] {
  const cores = os.availableParallelism()
  const counts = Array.from({ length: Math.floor(Math.log2(cores)) + 1 }, (_, i) => 2 ** i)
  return counts.includes(cores) ? counts : [...counts, cores]
}

function parseThreadCounts(text: string): number[] {
  const counts = text.split(',').map(Number)
  if (counts.every((count) => Number.isInteger(count) && count >= 1 && count <= 256))
    return counts.sort((a, b) => a - b)
  throw new InvalidArgumentError('Expected whole numbers from 1 to 256, separated by commas.')
}

/** Parses names separated by commas. */
function parseList<Name extends string>(known: readonly Name[]): (text: string) => Name[] {
  return (text) => {
    const names = text.split(',')
    const unknown = names.find((name) => !(known as readonly string[]).includes(name))
    if (unknown === undefined) return names as Name[]
    throw new InvalidArgumentError(`'${unknown}' is not one of ${known.join(', ')}.`)
  }
}
