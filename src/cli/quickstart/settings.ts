import type { GRPOConfig } from '../../grpo/config/config.js'
import type { WordProblemVariant } from '../../tasks/generators/wordProblems/wordProblems.js'

/** The embedded base model, in the package. */
export const MODEL_FOLDER = new URL('../../../checkpoints/word-problems-1m', import.meta.url)

/** What `npm start` trains with: everything but the seed. */
export const config: Partial<GRPOConfig> & { maxSteps: number } = {
  ...{ numGenerations: 8, perDeviceTrainBatchSize: 128, maxCompletionLength: 128, temperature: 1 },
  ...{ maxSteps: 100, learningRate: 1e-3, lrSchedulerType: 'cosine', warmupSteps: 5 },
  ...{ saveSteps: 10, saveTotalLimit: 1 },
}

export const lora = { r: 16, alpha: 32 }

/** Problems that are trained on: each comes about once. */
export const TRAINING_PROBLEMS = 1600

/** Held-out problems, and completions of each when accuracy is measured. */
export const HELD_OUT_PROBLEMS = 500
export const SAMPLES = 4

/** Held-out problems that are harder than those of the training, each with what is told about it. */
export const HARDER: readonly { variant: WordProblemVariant; description: string }[] = [
  { variant: 'unseen-wording', description: 'wordings never seen' },
  { variant: 'longer', description: 'one more step' },
  { variant: 'larger', description: 'larger numbers' },
]
export const HARDER_PROBLEMS = 200
