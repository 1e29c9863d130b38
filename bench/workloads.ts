import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { sharedPath } from '../test/shared.js'
import { ignoreEndOfSequence, randomPrompts } from '../src/cli/bench/fixedWorkload.js'
import type { GRPOConfig } from '../src/grpo/config/config.js'
import type { WeightDtype } from '../src/model/weights/weightDtype.js'
import { loadModel } from '../src/policy/loadModel.js'
import type { CausalLM } from '../src/policy/causalLM.js'
import { createRandomModel } from '../src/model/randomModel.js'
import { sums } from '../src/tasks/generators/sums.js'
import { questionPrompt } from '../src/tasks/questionPrompt.js'
import type { Task } from '../src/tasks/task.js'
import { llama32, qwen2, smolLM2, tinyLlama } from './modelConfigs.js'

/** A GRPO step that is measured. */
export interface Workload {
  readonly name: string
  readonly description: string
  readonly prompts: number
  readonly numGenerations: number
  /** Tokens of each prompt, which are random; null for sums after a worked example, of 74 or 75 tokens for SmolLM2. */
  readonly promptLength: number | null
  /** Tokens of each completion; with sums, which end by themselves, at most. */
  readonly maxCompletionLength: number
  readonly perDeviceTrainBatchSize: number
  readonly loraR: number
  /** Steps that are measured. */
  readonly steps: number
  /** Whether a step goes before them; it takes as long as they do. */
  readonly warmUp: boolean
  /** Whether it is measured on every number of threads, or, since it takes long, on the largest only. */
  readonly onAllThreads: boolean
  /** The sizes of a model of random weights; for `smollm2` those of SmolLM2-135M, for want of the model. */
  readonly randomModel: Readonly<Record<string, unknown>> | null
  /** Whether it runs in `--quick`. */
  readonly quick: boolean
  /** What the frozen weights are kept in. Defaults to auto. */
  readonly dtype?: WeightDtype
  /** Whether it runs only where it is named: it takes gigabytes of disk. Defaults to false. */
  readonly byName?: boolean
}

/** A step of a model of a billion parameters, or of one to compare with: 4 × 4 completions of 64 tokens. */
function largeModel(name: string, randomModel: Workload['randomModel'], dtype: WeightDtype): Workload {
  return {
    name,
    description: `the sizes of ${name.replace(/-[a-z0-9]+$/, '')}, dtype ${dtype}, 4 × 4 completions of 64 tokens, prompts of 73`,
    prompts: 4,
    numGenerations: 4,
    promptLength: 73,
    maxCompletionLength: 64,
    perDeviceTrainBatchSize: 16,
    loraR: 16,
    steps: 1,
    warmUp: false,
    onAllThreads: false,
    randomModel,
    quick: false,
    dtype,
    byName: true,
  }
}

/** In the order in which they run. */
export const workloads: readonly Workload[] = [
  {
    name: 'tiny',
    description: 'a Llama of 0.9 M parameters, 16 × 8 completions of 48 tokens, prompts of 40',
    prompts: 16,
    numGenerations: 8,
    promptLength: 40,
    maxCompletionLength: 48,
    perDeviceTrainBatchSize: 128,
    loraR: 8,
    steps: 5,
    warmUp: true,
    onAllThreads: true,
    randomModel: tinyLlama,
    quick: false,
  },
  {
    name: 'tiny-quick',
    description: 'a Llama of 0.9 M parameters, 4 × 4 completions of 16 tokens, prompts of 40',
    prompts: 4,
    numGenerations: 4,
    promptLength: 40,
    maxCompletionLength: 16,
    perDeviceTrainBatchSize: 16,
    loraR: 8,
    steps: 3,
    warmUp: true,
    onAllThreads: true,
    randomModel: tinyLlama,
    quick: true,
  },
  {
    name: 'learning',
    description: 'SmolLM2-135M, sums after one example, 8 × 8 completions of at most 24 tokens',
    prompts: 8,
    numGenerations: 8,
    promptLength: null,
    maxCompletionLength: 24,
    perDeviceTrainBatchSize: 16,
    loraR: 16,
    steps: 1,
    warmUp: true,
    onAllThreads: true,
    randomModel: null,
    quick: false,
  },
  {
    name: 'smollm2',
    description: 'SmolLM2-135M, 8 × 8 completions of 64 tokens, prompts of 73',
    prompts: 8,
    numGenerations: 8,
    promptLength: 73,
    maxCompletionLength: 64,
    perDeviceTrainBatchSize: 16,
    loraR: 16,
    steps: 1,
    warmUp: true,
    onAllThreads: false,
    randomModel: smolLM2,
    quick: false,
  },
  {
    name: 'qwen2.5-0.5b',
    description: 'the sizes of Qwen2.5-0.5B, 2 × 8 completions of 128 tokens, prompts of 73',
    prompts: 2,
    numGenerations: 8,
    promptLength: 73,
    maxCompletionLength: 128,
    perDeviceTrainBatchSize: 8,
    loraR: 16,
    steps: 1,
    warmUp: false,
    onAllThreads: false,
    randomModel: qwen2,
    quick: false,
  },
  largeModel('qwen2.5-0.5b-bfloat16', qwen2, 'auto'),
  largeModel('llama-3.2-1b-int8', llama32, 'int8'),
  largeModel('llama-3.2-1b-int4', llama32, 'int4'),
]

/** What halves of a step need to know of their workload. */
export type MeasuredSteps = Pick<
  Workload,
  'prompts' | 'steps' | 'warmUp' | 'numGenerations' | 'maxCompletionLength' | 'perDeviceTrainBatchSize'
>

/** A workload's policy and prompts, ready to be measured. */
export interface PreparedWorkload {
  readonly policy: CausalLM
  readonly task: Task
  readonly config: Partial<GRPOConfig>
}

/** Loads the model of a workload from a folder and makes its prompts. */
export async function prepareWorkload(workload: Workload, folder: string): Promise<PreparedWorkload> {
  const { prompts, numGenerations, promptLength, maxCompletionLength, perDeviceTrainBatchSize, loraR } = workload
  const policy = (await loadModel(folder, { dtype: workload.dtype ?? 'auto' })).withLora({ r: loraR, alpha: 2 * loraR })
  const maxSteps = workload.steps + (workload.warmUp ? 1 : 0)
  const { vocabularySize } = policy.config
  if (promptLength !== null) ignoreEndOfSequence(policy)
  return {
    policy,
    task:
      promptLength === null
        ? sumsAfterExample()
        : randomPrompts({ problems: prompts * maxSteps, promptLength, vocabularySize }),
    config: {
      numGenerations,
      maxCompletionLength,
      perDeviceTrainBatchSize,
      maxSteps,
      learningRate: 1e-5,
      gradientAccumulationSteps: (prompts * numGenerations) / perDeviceTrainBatchSize,
    },
  }
}

/** Sums of two-digit numbers with the example that the baseline's learn_smol.py gives, so that prompts are as long as there. */
function sumsAfterExample(): Task {
  const example = { id: 'example', question: 'What is 41 + 35?', answer: '76', solution: '41 + 35 = 76\n#### 76' }
  const task = sums({ shots: 0 })
  return {
    ...task,
    problems: task.problems.filter(({ difficulty }) => difficulty === 2),
    prompt: (problem, tokenizer) => questionPrompt(problem, [example], null, tokenizer),
  }
}

/** The folder of a workload's model. */
export interface ModelFolders {
  /** SmolLM2-135M-Instruct; null where it was not found. */
  readonly pretrained: string | null
  /** Null when the workload needs a pretrained model and there is none. */
  of(workload: Workload): string | null
  /** Removes what was made. */
  remove(): void
}

/** Finds SmolLM2 where it was named, and makes models of random weights in a temporary folder for the other workloads. */
export function modelFolders(pretrained: string | null): ModelFolders {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'grpo-ts-bench-'))
  const made = new Map<object, string>()
  return {
    pretrained,
    of: ({ name, randomModel }) => {
      if ((randomModel === null || randomModel === smolLM2) && pretrained !== null) return pretrained
      if (randomModel === null) return null
      const known = made.get(randomModel) ?? createRandomModel(path.join(folder, name), randomModel)
      made.set(randomModel, known)
      return known
    },
    remove: () => {
      fs.rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** The pretrained model that lies beside the repository on the project's machines, unpacked; null elsewhere. */
export function unpackedModel(): string | null {
  const script = sharedPath('models', 'unpack.mjs')
  if (script === null) return null
  const { status, stdout } = spawnSync(process.execPath, [script], { encoding: 'utf8' })
  return status === 0 ? stdout.trim() : null
}
