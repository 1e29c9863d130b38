import { spawn } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { readEvaluation } from '../../src/run/evaluationFile.js'
import type { DecodingResult, Estimate, PairedResult } from '../../src/run/evaluation.js'
import { atomicWriteJson } from '../../src/io/atomicWrite.js'
import { readJsonLines } from '../../src/io/jsonLines.js'

const root = path.resolve(import.meta.dirname, '../..')

/** What the process of a run took. */
export interface ProcessUse {
  /** Wall time of everything: loading, training, both evaluations. */
  readonly seconds: number
  /** Most main memory that the process held at one time; null where the system does not tell. */
  readonly peakBytes: number | null
}

/** The same held-out problems before and after training, in one way of decoding. */
export interface BeforeAfter {
  readonly before: Estimate
  readonly after: Estimate
  /** After minus before, paired by problem. */
  readonly difference: Estimate
  readonly pValue: number
}

/** What one run of a recipe found. */
export interface RecipeRun {
  readonly seed: number
  readonly problems: number
  /** Sampled completions of each problem. */
  readonly samples: number
  readonly temperature: number
  readonly greedy: BeforeAfter
  readonly sampled: BeforeAfter
  readonly trainingSeconds: number
  readonly process: ProcessUse
  /** The main metrics, a record a step. */
  readonly steps: readonly Readonly<Record<string, number>>[]
}

/** Metrics that a log keeps; those that a run does not have are left out. */
const METRICS = [
  'step',
  'reward',
  'rewards/correctness/mean',
  'rewards/format/mean',
  'reward_std',
  'frac_reward_zero_std',
  'completions/mean_length',
  'completions/clipped_ratio',
  'entropy',
  'loss',
  'grad_norm',
  'learning_rate',
  'sampling/sampling_logp_difference/max',
  'step_time',
]

/** Trains a recipe with a seed in a process of its own, and leaves what it took in bench.json of the run's folder. */
export async function trainRecipe(recipe: string, model: string, seed: number, folder: string): Promise<void> {
  const started = performance.now()
  const child = spawn(
    process.execPath,
    [
      path.join(root, 'dist/cli/main.js'),
      'train',
      path.join(root, 'recipes', `${recipe}.yaml`),
      '--model',
      model,
      '--seed',
      String(seed),
      '--output-dir',
      folder,
      '--overwrite',
      '--no-preflight',
    ],
    { stdio: 'inherit' },
  )
  let peakBytes: number | null = null
  const timer = setInterval(() => {
    peakBytes = peakBytesOf(child.pid) ?? peakBytes
  }, 500)
  const code = await new Promise((resolve, reject) => child.once('error', reject).once('exit', resolve))
  clearInterval(timer)
  if (code !== 0) throw new Error(`${recipe} with seed ${seed} ended with ${String(code)}`)
  const use: ProcessUse = { seconds: (performance.now() - started) / 1000, peakBytes }
  atomicWriteJson(path.join(folder, 'bench.json'), use)
}

/** Reads a finished run of {@link trainRecipe}. */
export async function readRecipeRun(folder: string, seed: number): Promise<RecipeRun> {
  const { policies, comparisons, problems, settings } = readEvaluation(path.join(folder, 'eval.json'))
  const [base, trained] = policies
  const [pair] = comparisons
  const steps: Record<string, number>[] = []
  let trainingSeconds = 0
  for await (const { value } of readJsonLines(path.join(folder, 'metrics.jsonl'))) {
    const metrics = value as Readonly<Record<string, number>>
    trainingSeconds += metrics.step_time ?? 0
    steps.push(
      Object.fromEntries(METRICS.flatMap((name) => (name in metrics ? [[name, fiveDigits(metrics[name]!)]] : []))),
    )
  }
  return {
    seed,
    problems: problems.length,
    samples: settings.samples,
    temperature: settings.temperature,
    greedy: beforeAfter(base!.greedy!, trained!.greedy!, pair!.greedy!),
    sampled: beforeAfter(base!.sampled!, trained!.sampled!, pair!.sampled!),
    trainingSeconds,
    steps,
    process: JSON.parse(fs.readFileSync(path.join(folder, 'bench.json'), 'utf8')) as ProcessUse,
  }
}

function beforeAfter(before: DecodingResult, after: DecodingResult, { strict }: PairedResult): BeforeAfter {
  const { difference, pValue } = strict
  return { before: before.accuracy, after: after.accuracy, difference, pValue }
}

/** Most memory that a process has held so far, from Linux; null elsewhere. */
function peakBytesOf(pid: number | undefined): number | null {
  try {
    const status = fs.readFileSync(`/proc/${pid}/status`, 'utf8')
    return 1024 * Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)![1])
  } catch {
    return null
  }
}

function fiveDigits(value: number): number {
  return Number(value.toPrecision(5))
}
