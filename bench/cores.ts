/**
 * `npm run bench:cores`: what a step would take on more cores than this machine has. Steps run on one thread, their work cut into tiles
 * as for 2 to 32 threads; what each group of tiles takes goes into the model of coreModel.ts. On as many threads as there are cores the
 * step is measured, too.
 */
import { spawnSync } from 'node:child_process'
import os from 'node:os'
import { parseArgs } from 'node:util'
import * as tf from '../src/bundled/tfjs.js'
import { currentRuntime } from '../src/backend/cpu/backend.js'
import type { CpuBackend } from '../src/backend/cpu/backend.js'
import { formatTable, percent } from '../src/cli/terminal/table.js'
import { selectEngine } from '../src/engine/registry.js'
import { barrierMilliseconds, predictStep } from './coreModel.js'
import type { CutStep, Prediction } from './coreModel.js'
import { measureBarrier, measureCutSteps } from './sharing.js'
import { kernelsOf } from './simd.js'
import { measureStep } from './step.js'
import { modelFolders, prepareWorkload, workloads } from './workloads.js'
import type { Workload } from './workloads.js'

/** What a process of its own measures. */
type Job =
  | { readonly what: 'barrier' }
  | { readonly what: 'cut' | 'step'; readonly workload: Workload; readonly folder: string; readonly threads: number }

/** What it answers. */
interface Answer {
  readonly kernels: string
  readonly barrier?: number
  readonly cut?: CutStep
  readonly seconds?: number
}

const { values, positionals } = parseArgs({
  options: {
    workloads: { type: 'string', default: 'tiny,smollm2,qwen2.5-0.5b' },
    cores: { type: 'string', default: '2,4,8,16,32' },
    model: { type: 'string' },
  },
  allowPositionals: true,
})
if (positionals.length > 0) {
  process.stdout.write(`${JSON.stringify(await answer(JSON.parse(positionals[0]!) as Job))}\n`, () => process.exit(0))
} else {
  main()
}

async function answer(job: Job): Promise<Answer> {
  const threads = job.what === 'barrier' ? 2 : job.what === 'step' ? job.threads : 1
  await selectEngine('cpu', { threads })
  const kernels = kernelsOf(tf.backend() as unknown as Pick<CpuBackend, 'simd' | 'runtime'>)
  if (job.what === 'barrier') return { kernels, barrier: measureBarrier(currentRuntime()) }
  const prepared = await prepareWorkload(job.workload, job.folder)
  if (job.what === 'cut') {
    return { kernels, cut: await measureCutSteps(currentRuntime(), job.threads, prepared, job.workload) }
  }
  return { kernels, seconds: (await measureStep(prepared, job.workload)).step_s as number }
}

function ask(job: Job): Answer {
  const { status, stdout } = spawnSync(
    process.execPath,
    ['--import', import.meta.resolve('tsx'), import.meta.filename, JSON.stringify(job)],
    { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'], maxBuffer: 2 ** 28 },
  )
  if (status !== 0) throw new Error(`measuring ${JSON.stringify(job)} failed; see above`)
  return JSON.parse(stdout) as Answer
}

function main(): void {
  const { barrier, kernels } = ask({ what: 'barrier' })
  const cores = os.availableParallelism()
  process.stdout.write(
    `${os.cpus()[0]?.model.trim()}, ${cores} cores, Node ${process.version}, kernels: ${kernels}; ` +
      `a group of tiles costs ${(1000 * barrier!).toFixed(2)} µs on two threads\n`,
  )
  const folders = modelFolders(values.model ?? null)
  try {
    for (const name of values.workloads.split(',')) {
      const known = workloads.find((workload) => workload.name === name)
      if (!known) throw new Error(`--workloads: '${name}' is not one of ${workloads.map((one) => one.name).join(', ')}`)
      const folder = folders.of(known)
      if (folder === null) throw new Error(`${name} needs SmolLM2-135M-Instruct; name its folder with --model`)
      // A step of many seconds needs none before it to warm up.
      const workload = { ...known, steps: Math.min(2, known.steps), warmUp: known.steps > 1 }
      const cuts = values.cores
        .split(',')
        .map((count) => ask({ what: 'cut', workload, folder, threads: Number(count) }).cut!)
      const predictions = [{ ...cuts[0]!, threads: 1 }, ...cuts].map((cut) =>
        predictStep(cut, barrierMilliseconds(cut.threads, barrier!)),
      )
      const measured = ask({ what: 'step', workload, folder, threads: cores }).seconds!
      process.stdout.write(`\n${name}: ${known.description}\n\n${table(predictions, cores, measured)}`)
    }
  } finally {
    folders.remove()
  }
}

function table(predictions: readonly Prediction[], cores: number, measured: number): string {
  const seconds = (of: (row: Prediction) => number) => (row: Prediction) => (of(row) / 1000).toPrecision(3)
  return formatTable<Prediction>(
    [
      { heading: 'cores', text: ({ threads }) => String(threads) },
      { heading: 'serial s', text: seconds(({ serial }) => serial) },
      { heading: 'parallel', text: seconds(({ parallel }) => parallel) },
      { heading: 'imbalance', text: seconds(({ imbalance }) => imbalance) },
      { heading: 'barriers', text: seconds(({ barriers }) => barriers) },
      { heading: 'step s', text: seconds(({ total }) => total) },
      { heading: 'measured', text: ({ threads }) => (threads === cores ? measured.toPrecision(3) : null) },
      { heading: '× 1 core', text: ({ total }) => (predictions[0]!.total / total).toFixed(2) },
      { heading: 'serial share', text: ({ serialShare }) => percent(serialShare) },
    ],
    predictions,
  )
}
