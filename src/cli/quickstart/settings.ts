import type { WordProblemVariant } from '../../tasks/generators/wordProblems/wordProblems.js'

/** Held-out problems, and completions of each when accuracy is measured. */
export const HELD_OUT_PROBLEMS = 500
export const SAMPLES = 4

/** What `npm start` trains, as options of `grpo-ts train`: everything but the seed, the reward and the folder. */
export const runOptions = {
  model: 'word-problems-2m',
  task: 'word-problems',
  // Each problem comes about once.
  limit: 1600,
  loraR: 16,
  loraAlpha: 32,
  numGenerations: 8,
  perDeviceTrainBatchSize: 128,
  maxCompletionLength: 128,
  temperature: 1,
  maxSteps: 100,
  learningRate: 1e-3,
  lrSchedulerType: 'cosine',
  warmupSteps: 5,
  saveSteps: 10,
  saveTotalLimit: 2,
  evalLimit: HELD_OUT_PROBLEMS,
  numGenerationsEval: SAMPLES,
}

/** A question in a wording that the embedded model knows, to try the trained one with. */
export const QUESTION = 'Tom has 3 apples. Tom buys 4 more. How many apples does Tom have now?'

/** Held-out problems that are harder than those of the training, each with what is told about it. */
export const HARDER: readonly { variant: WordProblemVariant; description: string }[] = [
  { variant: 'unseen-wording', description: 'wordings never seen' },
  { variant: 'longer', description: 'one more step' },
  { variant: 'larger', description: 'larger numbers' },
]
export const HARDER_PROBLEMS = 200
