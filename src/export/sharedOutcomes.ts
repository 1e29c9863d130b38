import { leftOut } from './optionOutcome.js'
import type { OptionMappings, OptionOutcome } from './optionOutcome.js'

const ofTheTask = (): OptionOutcome =>
  leftOut('of the task: the prompts in data/ are made with it, and the reward service reads config.yaml')
const ofTheEngine = (): OptionOutcome => leftOut('of our own engine; PyTorch computes here')
const ofEvaluation = (): OptionOutcome =>
  leftOut('the training is the same without evaluations; `grpo-ts eval` evaluates what comes back, in pairs')

/** An option that only counts together with another one, which is refused. */
export const onlyWith = (name: string) => (): OptionOutcome => leftOut(`counts with ${name} only`)

/** Options that decide on problems and prompts, which every export holds ready made. */
export const taskOutcomes = {
  data: ofTheTask,
  encoding: ofTheTask,
  split: ofTheTask,
  limit: ofTheTask,
  shots: ofTheTask,
  systemPrompt: ofTheTask,
  reasoningFormat: ofTheTask,
  difficulty: ofTheTask,
  onBadRows: ofTheTask,
  subjects: ofTheTask,
  allowPython: ofTheTask,
  timeLimit: ofTheTask,
  memoryLimit: ofTheTask,
  grader: ofTheTask,
  questionColumn: ofTheTask,
  answerColumn: ofTheTask,
  answerPattern: ofTheTask,
  solutionColumn: ofTheTask,
  variant: ofTheTask,
  operations: ofTheTask,
  minOperand: ofTheTask,
  maxOperand: ofTheTask,
  bare: ofTheTask,
  taskOptions: ofTheTask,
} satisfies Partial<OptionMappings>

/** Options of the machine that trains here. */
export const engineOutcomes = {
  engine: ofTheEngine,
  threads: ofTheEngine,
  device: ofTheEngine,
} satisfies Partial<OptionMappings>

/** Options of evaluations, which are made here of what comes back. */
export const evaluationOutcomes = {
  doEval: ofEvaluation,
  evalSplit: ofEvaluation,
  evalLimit: ofEvaluation,
  evalStrategy: ofEvaluation,
  evalSteps: ofEvaluation,
  numGenerationsEval: ofEvaluation,
  evalTemperature: ofEvaluation,
  metricForBestModel: onlyWith('load_best_model_at_end'),
  greaterIsBetter: onlyWith('load_best_model_at_end'),
  earlyStoppingThreshold: onlyWith('early_stopping_patience'),
} satisfies Partial<OptionMappings>
