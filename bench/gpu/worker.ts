/** Measures an engine: speed at several numbers of completions, or agreement with the cpu engine. Prints a record a line. */
import { ignoreEndOfSequence, randomPrompts } from '../../src/cli/bench/fixedWorkload.js'
import { peakMemory } from '../../src/cli/bench/peakMemory.js'
import { selectEngine } from '../../src/engine/registry.js'
import { loadModel } from '../../src/policy/loadModel.js'
import type { EngineChoice } from '../engineChoice.js'
import { measureGeneration } from '../generation.js'
import { rounded } from '../report.js'
import type { BenchRecord } from '../report.js'
import { measureTraining } from '../training.js'
import { measureAgreement } from './agreement.js'

/** The sizes that speed is measured at. */
export interface SpeedSizes {
  readonly promptLength: number
  readonly maxCompletionLength: number
  readonly numGenerations: number
  /** Completions that are sampled together. */
  readonly sampled: readonly number[]
  /** Completions that are trained on together. */
  readonly trained: readonly number[]
  readonly loraR: number
}

/** What is measured. */
export interface GpuJob {
  readonly part: 'speed' | 'agreement'
  readonly choice: EngineChoice
  /** Name of the model, and where it lies. */
  readonly model: string
  readonly folder: string
  readonly sizes: SpeedSizes
}

function print(record: BenchRecord): void {
  process.stdout.write(`${JSON.stringify(record)}\n`)
}

const halves = { generation: measureGeneration, training: measureTraining }
type Half = keyof typeof halves

async function measureSpeed({ choice, model, folder, sizes }: GpuJob): Promise<void> {
  const { engine, name } = await selectEngine(choice.engine, choice)
  const { precision, device } = engine.info
  const policy = (await loadModel(folder)).withLora({ r: sizes.loraR, alpha: 2 * sizes.loraR })
  ignoreEndOfSequence(policy)
  const { promptLength, maxCompletionLength } = sizes
  const failed = new Set<Half>()

  async function measureHalf(benchmark: Half, completions: number): Promise<void> {
    const common = { benchmark, model, engine: name, device, precision, completions }
    const numGenerations = Math.min(sizes.numGenerations, completions)
    const prompts = completions / numGenerations
    const task = randomPrompts({ problems: prompts, promptLength, vocabularySize: policy.config.vocabularySize })
    const ofStep = { numGenerations, maxCompletionLength, perDeviceTrainBatchSize: completions }
    const prepared = { policy, task, config: { ...ofStep, maxSteps: 3 } }
    try {
      const measured = await halves[benchmark](prepared, { ...ofStep, prompts, steps: 2, warmUp: true })
      const { tensorBytes, residentBytes } = peakMemory(engine)
      print({
        ...common,
        ...measured,
        peak_device_mib: tensorBytes === null ? null : rounded(tensorBytes / 2 ** 20),
        peak_rss_mib: rounded(residentBytes / 2 ** 20),
      })
    } catch (error) {
      // More completions would not fit either.
      failed.add(benchmark)
      print({ ...common, error: (error as Error).message })
      process.exitCode = 1
    }
  }

  // The halves take turns, the fewest completions first: where the time is over, most is known.
  for (let i = 0; i < Math.max(sizes.sampled.length, sizes.trained.length); i++) {
    for (const [half, counts] of [
      ['generation', sizes.sampled],
      ['training', sizes.trained],
    ] as const) {
      const completions = counts[i]
      if (completions !== undefined && !failed.has(half)) await measureHalf(half, completions)
    }
  }
}

const job = JSON.parse(process.argv[2]!) as GpuJob
if (job.part === 'speed') await measureSpeed(job)
else for await (const record of measureAgreement(job)) print(record)
process.exit()
