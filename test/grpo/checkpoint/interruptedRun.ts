import fs from 'node:fs'
import path from 'node:path'
import type { GRPOConfig } from '../../../src/grpo/config/config.js'
import type { GRPOTrainerOptions } from '../../../src/grpo/trainer.js'
import type { LoraOptions } from '../../../src/model/loraOptions.js'
import { adapterValues } from '../../fixtures/policies.js'
import { temporaryFolder } from '../../fixtures/tinyModel.js'
import { withPolicy } from '../tinyTask.js'
import type { Trained } from '../tinyTask.js'

/** What a run leaves, without the metrics that are times. */
export interface RunResult {
  adapter: Float32Array[]
  metrics: string
  completions: string
}

const VARYING = ['step_time', 'sampling_time', 'tokens_per_second', 'memory/tensor_bytes', 'memory/process_bytes']

/** The lines that a run has written. */
export function filesOf(outputDir: string): Pick<RunResult, 'metrics' | 'completions'> {
  const read = (name: string): string => fs.readFileSync(path.join(outputDir, name), 'utf8')
  const withoutTimes = (line: string): string =>
    JSON.stringify(JSON.parse(line), (name, value: unknown) => (VARYING.includes(name) ? undefined : value))
  const metrics = read('metrics.jsonl').trimEnd().split('\n').map(withoutTimes)
  return { metrics: metrics.join('\n'), completions: read('completions.jsonl') }
}

/** The names of a run's checkpoints. */
export function checkpointsOf(outputDir: string): string[] {
  return fs.readdirSync(path.join(outputDir, 'checkpoints')).sort()
}

/** Runs to the end in a process of its own, as it were: with a new policy. */
export async function runToEnd(
  options: Partial<GRPOTrainerOptions> & { outputDir: string },
  config: Partial<GRPOConfig>,
  lora: LoraOptions = {},
): Promise<RunResult> {
  let adapter: Float32Array[] = []
  const body = async ({ policy, trainerOf }: Trained): Promise<void> => {
    await trainerOf(options, config).train()
    adapter = adapterValues(policy)
  }
  await withPolicy(body, {}, lora)
  return { adapter, ...filesOf(options.outputDir) }
}

/** Copies of a run's folder as a kill would leave it: after each step, and between the sampling and the training of each. */
export async function snapshots(
  config: Partial<GRPOConfig>,
  lora: LoraOptions = {},
  options: Partial<GRPOTrainerOptions> = {},
): Promise<{ result: RunResult; folders: string[] }> {
  const outputDir = temporaryFolder()
  const folders: string[] = []
  const snapshot = (): void => {
    const folder = temporaryFolder()
    fs.cpSync(outputDir, folder, { recursive: true })
    folders.push(folder)
  }
  let adapter: Float32Array[] = []
  const body = async ({ policy, trainerOf }: Trained): Promise<void> => {
    const onProgress: GRPOTrainerOptions['onProgress'] = ({ phase, done }) => {
      if (phase === 'training' && done === 0) snapshot()
    }
    for await (const { step } of trainerOf({ ...options, outputDir, onProgress }, config)) if (step > 0) snapshot()
    adapter = adapterValues(policy)
  }
  await withPolicy(body, {}, lora)
  return { result: { adapter, ...filesOf(outputDir) }, folders }
}
