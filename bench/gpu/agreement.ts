import { selectEngine } from '../../src/engine/registry.js'
import type { CausalLM } from '../../src/policy/causalLM.js'
import { loadModel } from '../../src/policy/loadModel.js'
import { mean } from '../../src/grpo/metrics/statistics.js'
import { rounded } from '../report.js'
import type { BenchRecord } from '../report.js'
import type { GpuJob } from './worker.js'

/** Rows that are compared, and tokens of each. */
const [ROWS, PROMPT, COMPLETION] = [4, 40, 24]
const TEMPERATURE = 0.9

interface Computed {
  /** Of all tokens, row by row. */
  readonly logProbs: readonly number[]
  readonly entropies: readonly number[]
  readonly gradient: Float32Array
}

/**
 * The numbers of training on an engine beside those of the cpu engine: log-probabilities, entropies and the adapter's gradient of the
 * same tokens, in float32 and in what the engine computes in by itself.
 */
export async function* measureAgreement({ choice, model, folder }: GpuJob): AsyncGenerator<BenchRecord> {
  const expected = await computeOn(await loadPolicy('cpu', {}, folder))
  let last = ''
  for (const precision of ['float32', choice.precision ?? 'auto'] as const) {
    const policy = await loadPolicy(choice.engine, { ...choice, precision }, folder)
    if (policy.engine.info.precision === last) return
    last = policy.engine.info.precision
    const got = await computeOn(policy)
    const logProbs = differences(got.logProbs, expected.logProbs)
    const entropies = differences(got.entropies, expected.entropies)
    yield {
      benchmark: 'agreement',
      model,
      precision: last,
      log_prob_max: rounded(Math.max(...logProbs)),
      log_prob_mean: rounded(mean(logProbs)),
      entropy_max: rounded(Math.max(...entropies)),
      gradient_relative: rounded(norm(got.gradient.map((g, i) => g - expected.gradient[i]!)) / norm(expected.gradient)),
      gradient_norm_relative: rounded(Math.abs(norm(got.gradient) / norm(expected.gradient) - 1)),
    }
  }
}

async function loadPolicy(
  engine: GpuJob['choice']['engine'],
  options: Omit<GpuJob['choice'], 'engine'>,
  folder: string,
): Promise<CausalLM> {
  await selectEngine(engine, options)
  const policy = (await loadModel(folder)).withLora({ r: 8, alpha: 16, seed: 1 })
  // At first B is zero, and with it the gradient of A.
  const values = policy.adapter!.values.map((value, i) => (value === 0 ? ((i * 7919) % 101) / 5000 - 0.01 : value))
  policy.adapter!.setValues(values)
  return policy
}

async function computeOn({ config, engineModel, adapter }: CausalLM): Promise<Computed> {
  const token = (i: number): number => (i * 104_729 + 7) % config.vocabularySize
  const promptIds = Array.from({ length: PROMPT }, (_, i) => token(i))
  const rows = Array.from({ length: ROWS }, (_, row) => ({
    promptIds,
    completionIds: Array.from({ length: COMPLETION }, (_, t) => token(1000 * (row + 1) + t)),
  }))
  const recording = await engineModel.record(rows, { temperature: TEMPERATURE })
  const gradient = new Float32Array(adapter!.values.length)
  const dLogProbs = Float32Array.from({ length: ROWS * COMPLETION }, (_, i) => (i % 3) - 1)
  await recording.gradient(dLogProbs, null, gradient)
  return { logProbs: recording.logProbs.flat(), entropies: recording.entropies.flat(), gradient }
}

function differences(a: readonly number[], b: readonly number[]): number[] {
  return a.map((value, i) => Math.abs(value - b[i]!))
}

function norm(values: Float32Array): number {
  return Math.sqrt(values.reduce((sum, value) => sum + value * value, 0))
}
