/** Measures one part of one workload, or the kernels, in a process of its own, so that its peak of memory is its own; prints JSON. */
import os from 'node:os'
import * as tf from '../src/bundled/tfjs.js'
import type { CpuBackend } from '../src/backend/cpu/backend.js'
import { selectEngine } from '../src/engine/registry.js'
import { parseGRPOConfig } from '../src/grpo/config/config.js'
import { memoryForecast, promptLengths } from '../src/grpo/memory/forecast.js'
import { peakMemory } from '../src/cli/bench/peakMemory.js'
import { measureGeneration } from './generation.js'
import { measureKernels } from './kernels.js'
import type { KernelsJob } from './kernels.js'
import { rounded } from './report.js'
import type { BenchRecord } from './report.js'
import { kernelsOf } from './simd.js'
import { measureStep } from './step.js'
import { measureTraining } from './training.js'
import { prepareWorkload } from './workloads.js'
import type { Workload } from './workloads.js'

const parts = { generation: measureGeneration, training: measureTraining, step: measureStep }

/** What is measured of a workload. */
export interface WorkloadJob {
  readonly part: keyof typeof parts
  readonly workload: Workload
  readonly modelFolder: string
  readonly threads: number
}

async function measureWorkload({ part, workload, modelFolder, threads }: WorkloadJob): Promise<BenchRecord> {
  await selectEngine('cpu', { threads })
  const prepared = await prepareWorkload(workload, modelFolder)
  const { policy, task, config } = prepared
  const forecast = await memoryForecast(policy, promptLengths(policy, task), parseGRPOConfig(config))
  const measured = await parts[part](prepared, workload)
  const { tensorBytes, residentBytes } = peakMemory(policy.engine)
  return {
    benchmark: part,
    workload: workload.name,
    threads,
    kernels: kernelsOf(tf.backend() as unknown as Pick<CpuBackend, 'simd' | 'runtime'>),
    ...measured,
    peak_tensor_mib: tensorBytes === null ? null : rounded(tensorBytes / 2 ** 20),
    peak_rss_mib: rounded(residentBytes / 2 ** 20),
    forecast_tensor_mib: rounded(forecast.tensors / 2 ** 20),
    forecast_rss_mib: rounded(forecast.process / 2 ** 20),
    load: rounded(os.loadavg()[0]!),
  }
}

const job = JSON.parse(process.argv[2]!) as WorkloadJob | KernelsJob
const progress = (what: string): void => {
  process.stderr.write(`${what} …\n`)
}
const records = 'workload' in job ? [await measureWorkload(job)] : await measureKernels(job, progress)
process.stdout.write(`${JSON.stringify(records)}\n`, () => process.exit(0))
