/** `npm run bench`: the speed and the memory of the cpu backend, from single kernels to GRPO steps; see docs/performance.md. */
import { spawnSync } from 'node:child_process'
import os from 'node:os'
import path from 'node:path'
import { Command, InvalidArgumentError } from 'commander'
import { sharedPath } from '../test/shared.js'
import { startBackends } from './backends.js'
import { measureLinear, smolLM2Sizes } from './linear.js'
import { fixedWorkloadSizes, measureOps } from './ops.js'
import { measurePeaks, reportPeaks } from './peak.js'
import { createReport } from './report.js'
import type { BenchRecord, Report } from './report.js'
import { canImport, startTorch } from './torch.js'
import { compareWithTrl, reportComparison, runTrl, trlPackages } from './vsTrl.js'
import type { WaitPolicy } from './vsTrl.js'
import type { WorkerJob } from './worker.js'
import { reportWorkloads, runJob, withSpeedup } from './workloadRuns.js'
import { modelFolders, workloads } from './workloads.js'
import type { ModelFolders, Workload } from './workloads.js'

const parts = ['peak', 'kernels', 'generation', 'training', 'step'] as const
type Part = (typeof parts)[number]

interface BenchFlags {
  only?: string[]
  workloads?: string[]
  threads: number[]
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
    'Measures the cpu backend: peak, kernels and GRPO steps (tables on standard output, JSON lines in a file). ' +
      'By itself: the peak, the kernels and all steps; a step is generation, training and optimizer.',
  )
  .option('--only <parts>', `some of ${parts.join(', ')}, separated by commas`, parseList(parts))
  .option(
    '--workloads <names>',
    `some of ${workloads.map(({ name }) => name).join(', ')}`,
    parseList(workloads.map(({ name }) => name)),
  )
  .option('--threads <numbers>', 'threads to compare', parseThreadCounts, defaultThreadCounts())
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

async function main(flags: BenchFlags): Promise<void> {
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
        measureWorkload(part, workload, flags.threads, folders, trl, { records, comparisons, report })
      }
    }
    reportWorkloads(records, report)
    reportComparison(comparisons, report)
    // Last, because of its large matrices: TRL's peak of memory, as Linux counts it, starts from what this process holds.
    if (wanted('peak') || wanted('kernels')) await measureKernels(flags, wanted('kernels'), report)
  } finally {
    folders.remove()
    report.close()
  }
  process.stdout.write(
    `\n${((performance.now() - started) / 60_000).toFixed(1)} minutes; JSON lines in ${flags.json}\n`,
  )
}

function chosenWorkloads({ workloads: names, quick }: BenchFlags): readonly Workload[] {
  return workloads.filter((workload) => (names ? names.includes(workload.name) : workload.quick === quick))
}

/** What the other numbers depend on. */
function describeMachine(report: Report): void {
  const cpu = os.cpus()[0]?.model.trim() ?? 'unknown'
  const load = os.loadavg()[0]!
  const [node, cores] = [process.version, os.availableParallelism()]
  report.record({ benchmark: 'machine', cpu, cores, node, platform: `${process.platform} ${process.arch}`, load })
  process.stdout.write(`${cpu}, ${cores} cores, Node ${node}, load ${load.toFixed(1)}\n`)
}

async function measureKernels(flags: BenchFlags, kernels: boolean, report: Report): Promise<void> {
  const backends = await startBackends(flags.threads)
  const peaks = await measurePeaks(backends)
  if (kernels) {
    const torch = await startTorch(flags.python)
    report.progress(torch ? `comparing with torch ${torch.version}` : `${flags.python} has no torch to compare with`)
    const quickLinear = {
      ...smolLM2Sizes,
      weights: smolLM2Sizes.weights.slice(2, 4),
      rows: [16, 512],
      milliseconds: 30,
    }
    await measureLinear(backends, torch, peaks, flags.quick ? quickLinear : smolLM2Sizes, report)
    torch?.stop()
    const quickOps = { ...fixedWorkloadSizes, groups: 1, vocabularySize: 4096, milliseconds: 30 }
    await measureOps(backends, peaks, flags.quick ? quickOps : fixedWorkloadSizes, report)
  }
  reportPeaks(peaks, report)
}

/** Measures a workload on each number of threads and, with TRL's options, TRL in turn with the largest. */
function measureWorkload(
  part: WorkerJob['part'],
  workload: Workload,
  threadCounts: readonly number[],
  folders: ModelFolders,
  trl: { python: string; baseline: string; waitPolicy: WaitPolicy[] } | null,
  { records, comparisons, report }: { records: BenchRecord[]; comparisons: BenchRecord[]; report: Report },
): void {
  const modelFolder = folders.of(workload)
  if (modelFolder === null) {
    report.progress(`skipped ${workload.name}: it needs SmolLM2-135M-Instruct; name its folder with --model`)
    return
  }
  const run = (threads: number): BenchRecord => {
    report.progress(`${part} of ${workload.name}: ${workload.description}; threads: ${threads}`)
    const record = withSpeedup(runJob({ part, workload, modelFolder, threads }), records)
    report.record(record)
    records.push(record)
    return record
  }
  const most = Math.max(...threadCounts)
  for (const threads of threadCounts) if (threads < most && workload.onAllThreads) run(threads)
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
  const comparison = compareWithTrl(ours, theirs)
  report.record(comparison)
  comparisons.push(comparison)
}

/** Stops before the first measurement when TRL cannot be compared with. */
function checkTrl(python: string, baseline: string | null): void {
  if (baseline === null) throw new Error('--vs-trl: ../shared/baseline is not here; name its folder with --baseline')
  if (canImport(python, trlPackages)) return
  throw new Error(
    `--vs-trl: ${python} cannot import ${trlPackages.join(', ')}; name one that can with --python (see docs/performance.md)`,
  )
}

/** The pretrained model that lies beside the repository on the project's machines, unpacked; null elsewhere. */
function unpackedModel(): string | null {
  const script = sharedPath('models', 'unpack.mjs')
  if (script === null) return null
  const { status, stdout } = spawnSync(process.execPath, [script], { encoding: 'utf8' })
  return status === 0 ? stdout.trim() : null
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
