/** Measures one part of one workload, or the kernels, in a process of its own, so that its peak of memory is its own; prints JSON. */
import os from 'node:os'
import * as tf from '../src/bundled/tfjs.js'
import type { CpuBackend } from '../src/backend/cpu/backend.js'
import { selectEngine } from '../src/engine/registry.js'
import { parseGRPOConfig } from '../src/grpo/config/config.js'
import { memoryForecast, promptLengths } from '../src/grpo/memory/forecast.js'
import { peakMemory } from '../src/cli/bench/peakMemory.js'
import type { EngineChoice } from './engineChoice.js'
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
  /** Of this process: the cpu engine takes so many. */
  readonly threads: number
  readonly choice: EngineChoice
}

async function measureWorkload({ part, workload, modelFolder, threads, choice }: WorkloadJob): Promise<BenchRecord> {
  const { name, engine } = await selectEngine(choice.engine, choice)
  const started = performance.now()
  const prepared = await prepareWorkload(workload, modelFolder)
  const loadSeconds = (performance.now() - started) / 1000
  const loaded = peakMemory(prepared.policy.engine)
  const { policy, task, config } = prepared
  const forecast = await memoryForecast(policy, promptLengths(policy, task), parseGRPOConfig(config))
  const measured = await parts[part](prepared, workload)
  const { tensorBytes, residentBytes } = peakMemory(policy.engine)
  return {
    benchmark: part,
    workload: workload.name,
    threads,
    engine: name,
    kernels:
      name === 'cpu'
        ? kernelsOf(tf.backend() as unknown as Pick<CpuBackend, 'simd' | 'runtime'>)
        : `${name}, ${engine.info.precision} on ${engine.info.device}`,
    load_s: rounded(loadSeconds),
    load_peak_rss_mib: rounded(loaded.residentBytes / 2 ** 20),
    weights_mib: rounded(policy.engineModel.weightBytes / 2 ** 20),
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
