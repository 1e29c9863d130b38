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

async function measureSpeed({ choice, model, folder, sizes }: GpuJob): Promise<void> {
  const { engine, name } = await selectEngine(choice.engine, choice)
  const { precision, device } = engine.info
  const policy = (await loadModel(folder)).withLora({ r: sizes.loraR, alpha: 2 * sizes.loraR })
  ignoreEndOfSequence(policy)
  const common = { model, engine: name, device, precision }
  for (const [benchmark, measure, counts] of [
    ['generation', measureGeneration, sizes.sampled],
    ['training', measureTraining, sizes.trained],
  ] as const) {
    for (const completions of counts) {
      const { promptLength, maxCompletionLength } = sizes
      const numGenerations = Math.min(sizes.numGenerations, completions)
      const prompts = completions / numGenerations
      const task = randomPrompts({ problems: prompts, promptLength, vocabularySize: policy.config.vocabularySize })
      const steps = { prompts, numGenerations, maxCompletionLength, perDeviceTrainBatchSize: completions, steps: 2 }
      const config = { numGenerations, maxCompletionLength, perDeviceTrainBatchSize: completions, maxSteps: 3 }
      try {
        const measured = await measure({ policy, task, config }, { ...steps, warmUp: true })
        const { tensorBytes, residentBytes } = peakMemory(engine)
        const peaks = {
          peak_device_mib: tensorBytes === null ? null : rounded(tensorBytes / 2 ** 20),
          peak_rss_mib: rounded(residentBytes / 2 ** 20),
        }
        print({ benchmark, ...common, completions, ...measured, ...peaks })
      } catch (error) {
        // More completions would not fit either; the other half is measured in any case.
        print({ benchmark, ...common, completions, error: (error as Error).message })
        process.exitCode = 1
        break
      }
    }
  }
}

const job = JSON.parse(process.argv[2]!) as GpuJob
if (job.part === 'speed') await measureSpeed(job)
else for await (const record of measureAgreement(job)) print(record)
process.exit()
