import { spawnSync } from 'node:child_process'
import path from 'node:path'
import { formatTable } from '../src/cli/terminal/table.js'
import type { KernelsJob } from './kernels.js'
import { numberOf } from './report.js'
import type { BenchRecord, Report } from './report.js'
import type { WorkloadJob } from './worker.js'

/** Runs a job in a process of its own and returns what it measured. */
export function runJob(
  job: WorkloadJob | KernelsJob,
  /** The value of GRPO_TS_SIMD; null for that of this process. */
  simd: string | null,
): BenchRecord[] {
  const worker = path.join(import.meta.dirname, 'worker.ts')
  const { status, signal, stdout } = spawnSync(
    process.execPath,
    ['--import', import.meta.resolve('tsx'), worker, JSON.stringify(job)],
    {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'inherit'],
      env: simd === null ? process.env : { ...process.env, GRPO_TS_SIMD: simd },
      maxBuffer: 2 ** 28,
    },
  )
  if (status === 0) return JSON.parse(stdout) as BenchRecord[]
  const what = 'workload' in job ? `${job.part} of ${job.workload.name}` : job.part
  throw new Error(`measuring ${what} failed (${signal ?? `exit code ${status}`}); see above`)
}

/** Prints what was measured of the workloads: generation, training, whole steps. */
export function reportWorkloads(records: readonly BenchRecord[], report: Report): void {
  const table = formatTable<BenchRecord>(
    [
      { heading: 'workload', text: ({ workload }) => String(workload), left: true },
      { heading: 'measured', text: ({ benchmark }) => benchmark, left: true },
      { heading: 'threads', text: ({ threads }) => String(threads) },
      { heading: 'kernels', text: ({ kernels }) => String(kernels ?? ''), left: true },
      { heading: 'load s', text: numberOf('load_s') },
      { heading: 'weights MiB', text: numberOf('weights_mib') },
      { heading: 'process MiB', text: numberOf('load_peak_rss_mib') },
      { heading: 'step s', text: numberOf('step_s') },
      { heading: 'generation s', text: numberOf('generation_s') },
      { heading: 'tokens/s', text: numberOf('generation_tokens_per_s') },
      { heading: 'training s', text: numberOf('training_s') },
      { heading: 'tokens/s', text: numberOf('training_tokens_per_s') },
      { heading: 'optimizer s', text: numberOf('optimizer_s') },
      { heading: 'mean length', text: numberOf('mean_completion_length') },
      { heading: 'tensors MiB', text: numberOf('peak_tensor_mib') },
      { heading: 'forecast', text: numberOf('forecast_tensor_mib') },
      { heading: 'process MiB', text: numberOf('peak_rss_mib') },
      { heading: 'forecast', text: numberOf('forecast_rss_mib') },
      { heading: '× 1 thread', text: numberOf('speedup_vs_1_thread') },
      { heading: 'load', text: numberOf('load') },
    ],
    records,
  )
  report.table('GRPO steps (the fastest one; training tokens as TRL counts them, prompts once a completion)', table)
}

/** A record with its speed relative to the run of the same workload on one thread, when there was one. */
export function withSpeedup(record: BenchRecord, records: readonly BenchRecord[]): BenchRecord {
  const seconds = (of: BenchRecord): number => (of.step_s ?? of.training_s ?? of.generation_s) as number
  const single = records.find(
    ({ benchmark, workload, kernels, threads }) =>
      benchmark === record.benchmark && workload === record.workload && kernels === record.kernels && threads === 1,
  )
  if (!single || record.threads === 1) return record
  return { ...record, speedup_vs_1_thread: Number((seconds(single) / seconds(record)).toPrecision(4)) }
}
