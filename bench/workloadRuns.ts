import { spawnSync } from 'node:child_process'
import path from 'node:path'
import { formatTable, threeDigits } from '../src/cli/terminal/table.js'
import type { BenchRecord, Report } from './report.js'
import type { WorkerJob } from './worker.js'

/** Runs a job in a process of its own and returns what it measured. */
export function runJob(job: WorkerJob): BenchRecord {
  const worker = path.join(import.meta.dirname, 'worker.ts')
  const { status, signal, stdout } = spawnSync(
    process.execPath,
    ['--import', import.meta.resolve('tsx'), worker, JSON.stringify(job)],
    { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] },
  )
  if (status === 0) return JSON.parse(stdout) as BenchRecord
  throw new Error(
    `measuring ${job.part} of ${job.workload.name} failed (${signal ?? `exit code ${status}`}); see above`,
  )
}

/** Prints what was measured of the workloads: generation, training, whole steps. */
export function reportWorkloads(records: readonly BenchRecord[], report: Report): void {
  const number =
    (key: string) =>
    (record: BenchRecord): string | null =>
      threeDigits(record[key] as number | undefined)
  const table = formatTable<BenchRecord>(
    [
      { heading: 'workload', text: ({ workload }) => String(workload), left: true },
      { heading: 'measured', text: ({ benchmark }) => benchmark, left: true },
      { heading: 'threads', text: ({ threads }) => String(threads) },
      { heading: 'step s', text: number('step_s') },
      { heading: 'generation s', text: number('generation_s') },
      { heading: 'tokens/s', text: number('generation_tokens_per_s') },
      { heading: 'training s', text: number('training_s') },
      { heading: 'tokens/s', text: number('training_tokens_per_s') },
      { heading: 'optimizer s', text: number('optimizer_s') },
      { heading: 'mean length', text: number('mean_completion_length') },
      { heading: 'tensors MiB', text: number('peak_tensor_mib') },
      { heading: 'forecast', text: number('forecast_tensor_mib') },
      { heading: 'process MiB', text: number('peak_rss_mib') },
      { heading: 'forecast', text: number('forecast_rss_mib') },
      { heading: '× 1 thread', text: number('speedup_vs_1_thread') },
      { heading: 'load', text: number('load') },
    ],
    records,
  )
  report.table('GRPO steps (the fastest one; training tokens as TRL counts them, prompts once a completion)', table)
}

/** A record with its speed relative to the run of the same workload on one thread, when there was one. */
export function withSpeedup(record: BenchRecord, records: readonly BenchRecord[]): BenchRecord {
  const seconds = (of: BenchRecord): number => (of.step_s ?? of.training_s ?? of.generation_s) as number
  const single = records.find(
    ({ benchmark, workload, threads }) =>
      benchmark === record.benchmark && workload === record.workload && threads === 1,
  )
  if (!single || record.threads === 1) return record
  return { ...record, speedup_vs_1_thread: Number((seconds(single) / seconds(record)).toPrecision(4)) }
}
