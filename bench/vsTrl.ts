import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { formatTable } from '../src/cli/terminal/table.js'
import { numberOf, rounded } from './report.js'
import type { BenchRecord, Report } from './report.js'
import type { Workload } from './workloads.js'

/** How OpenMP's threads wait for work: libgomp's default spins for a while, which is faster on a quiet machine only. */
export type WaitPolicy = 'default' | 'passive'

export interface TrlOptions {
  readonly python: string
  /** Folder of trl_speed.py and learn_smol.py. */
  readonly baseline: string
  readonly threads: number
  readonly waitPolicy: WaitPolicy
  /** Null for workloads whose model the script makes itself. */
  readonly modelFolder: string | null
}

/** What TRL needs; the versions that the baseline was measured with are in docs/performance.md. */
export const trlPackages = ['torch', 'trl', 'peft', 'transformers', 'datasets']

/** The same workload as a script of the baseline runs it; null when there is no such script. */
function trlCommand(workload: Workload, modelFolder: string | null): { script: string; args: string[] } | null {
  const { name, prompts, numGenerations, maxCompletionLength, perDeviceTrainBatchSize, loraR, steps } = workload
  const sizes = [
    '--prompts',
    String(prompts),
    '--gens',
    String(numGenerations),
    '--micro',
    String(perDeviceTrainBatchSize),
    '--rank',
    String(loraR),
    '--steps',
    String(steps + 1),
  ]
  switch (name) {
    case 'tiny':
    case 'tiny-quick': {
      const lengths = ['--prompt-len', String(workload.promptLength), '--new', String(maxCompletionLength)]
      return { script: 'trl_speed.py', args: ['--tiny', ...sizes, ...lengths] }
    }
    case 'smollm2':
      if (modelFolder === null) return null
      // The script's prompts come out one token longer than it is told.
      return {
        script: 'trl_speed.py',
        args: [
          '--model',
          modelFolder,
          ...sizes,
          '--prompt-len',
          String(workload.promptLength! - 1),
          '--new',
          String(maxCompletionLength),
        ],
      }
    case 'learning':
      if (modelFolder === null) return null
      return {
        script: 'learn_smol.py',
        args: [
          '--model',
          modelFolder,
          ...sizes,
          '--task',
          'arith1',
          '--shots',
          '1',
          '--lr',
          '1e-5',
          '--max-new',
          String(maxCompletionLength),
          '--eval-n',
          '0',
          '--minutes',
          '60',
          '--log',
          'steps.jsonl',
        ],
      }
    default:
      return null
  }
}

/**
 * Measures a workload with TRL: the fastest step after the first, as for ours.
 * @returns null when the baseline does not have the workload
 */
export function runTrl(workload: Workload, options: TrlOptions): BenchRecord | null {
  const command = trlCommand(workload, options.modelFolder)
  if (!command) return null
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'grpo-ts-trl-'))
  try {
    const { status, signal, stdout, stderr } = spawnSync(
      options.python,
      [path.resolve(options.baseline, command.script), ...command.args],
      { cwd: folder, encoding: 'utf8', env: trlEnvironment(options), maxBuffer: 2 ** 28 },
    )
    if (status !== 0) {
      const tail = stderr.trim().split('\n').slice(-8).join('\n')
      throw new Error(`${command.script} failed (${signal ?? `exit code ${status}`}):\n${tail}`)
    }
    const summary = JSON.parse(stdout.trim().split('\n').at(-1)!) as TrlSummary
    const steps =
      command.script === 'trl_speed.py'
        ? stdout.split('\n').flatMap((line) => (line.startsWith('{"step"') ? [readSpeedStep(line, workload)] : []))
        : fs
            .readFileSync(path.join(folder, 'steps.jsonl'), 'utf8')
            .trim()
            .split('\n')
            .map((line) => readLearnStep(line))
    return trlRecord(workload, options, summary, steps)
  } finally {
    fs.rmSync(folder, { recursive: true, force: true })
  }
}

function trlEnvironment({ threads, waitPolicy }: TrlOptions): NodeJS.ProcessEnv {
  const environment: NodeJS.ProcessEnv = {
    ...process.env,
    OMP_NUM_THREADS: String(threads),
    PROMPT_STYLE: 'plain',
    HF_HUB_OFFLINE: '1',
    TOKENIZERS_PARALLELISM: 'false',
  }
  delete environment.OMP_WAIT_POLICY
  return waitPolicy === 'default' ? environment : { ...environment, OMP_WAIT_POLICY: waitPolicy }
}

/** What both scripts print last. */
interface TrlSummary {
  readonly versions: Readonly<Record<string, string>>
  readonly threads: number
  readonly peak_rss_gib: number
  /** Least and most tokens of a prompt; of trl_speed.py only. */
  readonly prompt_len?: readonly [number, number]
}

/** A step of a script, in seconds and tokens. */
interface TrlStep {
  readonly seconds: number
  readonly generationSeconds: number
  readonly meanLength: number
}

function readSpeedStep(line: string, { maxCompletionLength }: Workload): TrlStep {
  const { step, gen } = JSON.parse(line) as { step: number; gen: number }
  return { seconds: step, generationSeconds: gen, meanLength: maxCompletionLength }
}

function readLearnStep(line: string): TrlStep {
  const { step_s: seconds, gen_s: generationSeconds, mean_len: meanLength } = JSON.parse(line) as Record<string, number>
  return { seconds: seconds!, generationSeconds: generationSeconds!, meanLength: meanLength! }
}

function trlRecord(
  workload: Workload,
  { threads, waitPolicy }: TrlOptions,
  summary: TrlSummary,
  steps: readonly TrlStep[],
): BenchRecord {
  const best = steps.slice(1).reduce((a, b) => (b.seconds < a.seconds ? b : a))
  const completions = workload.prompts * workload.numGenerations
  const completionTokens = Math.round(best.meanLength * completions)
  const promptLength = summary.prompt_len?.[1]
  const trainingSeconds = best.seconds - best.generationSeconds
  return {
    benchmark: 'trl',
    workload: workload.name,
    threads,
    wait_policy: waitPolicy,
    step_s: rounded(best.seconds),
    generation_s: rounded(best.generationSeconds),
    training_s: rounded(trainingSeconds),
    completion_tokens: completionTokens,
    mean_completion_length: rounded(best.meanLength),
    generation_tokens_per_s: rounded(completionTokens / best.generationSeconds),
    training_tokens_per_s:
      promptLength === undefined ? null : rounded((completionTokens + completions * promptLength) / trainingSeconds),
    peak_rss_mib: rounded(1024 * summary.peak_rss_gib),
    torch: summary.versions.torch ?? null,
    trl: summary.versions.trl ?? null,
    load: rounded(os.loadavg()[0]!),
  }
}

/** Ratios of TRL's time and memory to ours, above 1 where ours is better: of the fastest of each side's runs. */
export function compareWithTrl(ours: readonly BenchRecord[], theirs: readonly BenchRecord[]): BenchRecord {
  const least = (records: readonly BenchRecord[], key: string): number =>
    Math.min(...records.map((record) => record[key] as number))
  const ratio = (key: string): number => rounded(least(theirs, key) / least(ours, key))
  const fastest = theirs.reduce((a, b) => ((b.step_s as number) < (a.step_s as number) ? b : a))
  return {
    benchmark: 'vs_trl',
    workload: ours[0]!.workload!,
    threads: ours[0]!.threads!,
    kernels: ours[0]!.kernels ?? null,
    wait_policy: fastest.wait_policy!,
    step_s: least(ours, 'step_s'),
    trl_step_s: least(theirs, 'step_s'),
    ratio_vs_trl: ratio('step_s'),
    generation_ratio_vs_trl: ratio('generation_s'),
    training_ratio_vs_trl: ratio('training_s'),
    memory_ratio_vs_trl: ratio('peak_rss_mib'),
  }
}

/** Prints TRL's measurements beside ours, and the ratios. */
export function reportComparison(records: readonly BenchRecord[], report: Report): void {
  const table = formatTable<BenchRecord>(
    [
      { heading: 'workload', text: ({ workload }) => String(workload), left: true },
      { heading: 'threads', text: ({ threads }) => String(threads) },
      { heading: 'kernels', text: ({ kernels }) => String(kernels ?? ''), left: true },
      { heading: "TRL's waiting", text: (record) => String(record.wait_policy), left: true },
      { heading: 'TRL step s', text: numberOf('trl_step_s') },
      { heading: 'ours', text: numberOf('step_s') },
      { heading: '× step', text: numberOf('ratio_vs_trl') },
      { heading: '× generation', text: numberOf('generation_ratio_vs_trl') },
      { heading: '× training', text: numberOf('training_ratio_vs_trl') },
      { heading: '× memory', text: numberOf('memory_ratio_vs_trl') },
    ],
    records,
  )
  report.table("TRL's time and memory relative to ours, in the same run (above 1: ours needs less)", table)
}
