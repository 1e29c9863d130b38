/** Measures one part of one workload in a process of its own, so that its peak of memory is its own; prints a JSON line. */
import os from 'node:os'
import { selectEngine } from '../src/engine/registry.js'
import { parseGRPOConfig } from '../src/grpo/config/config.js'
import { memoryForecast, promptLengths } from '../src/grpo/memory/forecast.js'
import { peakMemory } from '../src/cli/bench/peakMemory.js'
import { measureGeneration } from './generation.js'
import { rounded } from './report.js'
import type { BenchRecord } from './report.js'
import { measureStep } from './step.js'
import { measureTraining } from './training.js'
import { prepareWorkload } from './workloads.js'
import type { Workload } from './workloads.js'

const parts = { generation: measureGeneration, training: measureTraining, step: measureStep }

export interface WorkerJob {
  readonly part: keyof typeof parts
  readonly workload: Workload
  readonly modelFolder: string
  readonly threads: number
}

const { part, workload, modelFolder, threads } = JSON.parse(process.argv[2]!) as WorkerJob
await selectEngine('cpu', { threads })
const prepared = await prepareWorkload(workload, modelFolder)
const { policy, task, config } = prepared
const forecast = memoryForecast(policy, promptLengths(policy, task), parseGRPOConfig(config))
const measured = await parts[part](prepared, workload)
const { tensorBytes, residentBytes } = peakMemory(policy.engine)
const record: BenchRecord = {
  benchmark: part,
  workload: workload.name,
  threads,
  ...measured,
  peak_tensor_mib: tensorBytes === null ? null : rounded(tensorBytes / 2 ** 20),
  peak_rss_mib: rounded(residentBytes / 2 ** 20),
  forecast_tensor_mib: rounded(forecast.tensors / 2 ** 20),
  forecast_rss_mib: rounded(forecast.process / 2 ** 20),
  load: rounded(os.loadavg()[0]!),
}
process.stdout.write(`${JSON.stringify(record)}\n`)
process.exit(0)
