import type { GRPOConfig } from '../../src/grpo/config/config.js'

/** What a run of an experiment does otherwise than the others. */
export interface Variant {
  /** Unique among all experiments; runs of the same name are the same run, made once. */
  readonly name: string
  readonly config?: Partial<GRPOConfig>
  /** As `--rewards` takes them. Defaults to correctness alone. */
  readonly rewards?: readonly string[]
  /** Different problems to train on. Defaults to {@link PROBLEMS}. */
  readonly problems?: number
  /** Trains all weights instead of an adapter. */
  readonly allWeights?: boolean
}

/** Runs that differ in one thing. */
export interface Experiment {
  /** As `--only` and the places in docs/best-practices.md name it. */
  readonly name: string
  /** What differs, as the heading of a table's first column. */
  readonly heading: string
  readonly variants: readonly Variant[]
}

/** Completions of a step, in all experiments. */
export const COMPLETIONS = 64

/** Different problems that are trained on where nothing else is said. */
export const PROBLEMS = 1600

/** The options of every run but for what its variant says: groups of 8 at temperature 1, an adapter of rank 16. */
export const common: Partial<GRPOConfig> = {
  numGenerations: 8,
  perDeviceTrainBatchSize: COMPLETIONS,
  maxCompletionLength: 128,
  temperature: 1,
  learningRate: 2e-3,
  lrSchedulerType: 'cosine',
  warmupSteps: 3,
}

/** The run that all experiments share. */
const reference: Variant = { name: 'reference' }

export const experiments: readonly Experiment[] = [
  {
    name: 'group-size',
    heading: 'problems × completions',
    variants: [2, 4, 8, 16].map((numGenerations) =>
      numGenerations === 8 ? reference : { name: `group-${numGenerations}`, config: { numGenerations } },
    ),
  },
  {
    name: 'temperature',
    heading: 'temperature',
    variants: [0.3, 0.7, 1, 1.3].map((temperature) =>
      temperature === 1 ? reference : { name: `temperature-${temperature}`, config: { temperature } },
    ),
  },
  {
    name: 'learning-rate',
    heading: 'learning rate, LoRA',
    variants: [5e-6, 1e-4, 5e-4, 2e-3, 1e-2, 3e-2].map((learningRate) =>
      learningRate === common.learningRate ? reference : { name: `lora-${learningRate}`, config: { learningRate } },
    ),
  },
  {
    name: 'all-weights',
    heading: 'learning rate, all weights',
    variants: [5e-6, 1e-4, 5e-4, 2e-3].map((learningRate) => ({
      name: `all-weights-${learningRate}`,
      config: { learningRate },
      allWeights: true,
    })),
  },
  {
    name: 'problems',
    heading: 'different problems',
    variants: [10, 50, 400, PROBLEMS].map((problems) =>
      problems === PROBLEMS ? reference : { name: `problems-${problems}`, problems },
    ),
  },
  {
    name: 'rewards',
    heading: 'rewards',
    variants: [
      reference,
      { name: 'process', rewards: ['correctness', 'step_arithmetic:0.5'] },
      { name: 'partial', rewards: ['correctness:0.5', 'partial_credit:0.5'] },
      { name: 'steps', rewards: ['correctness', 'reasoning_steps:0.5'] },
      { name: 'short', rewards: ['correctness', 'efficiency:0.5'] },
      { name: 'steps-only', rewards: ['reasoning_steps'] },
      { name: 'eight-steps', rewards: ['reasoning_steps?targetSteps=8'] },
    ],
  },
]
