export { answerForms } from '../grading/answerForm.js'
export type { AnswerForm } from '../grading/answerForm.js'
export type { GraderName } from '../grading/namedGraders.js'
export { defineTask } from './defineTask.js'
export type { ProblemDefinition, TaskDefinition } from './defineTask.js'
export { fileTask } from './fileTask.js'
export type { FileTaskOptions } from './fileTask.js'
export { arithmetic } from './generators/arithmetic.js'
export { chainSum } from './generators/chainSum.js'
export { countdown } from './generators/countdown.js'
export type { GeneratorOptions } from './generators/generatedTask.js'
export { sums } from './generators/sums.js'
export { syllogism } from './generators/syllogism.js'
export { wordProblems } from './generators/wordProblems/wordProblems.js'
export type {
  WordProblem,
  WordProblemOptions,
  WordProblemTask,
  WordProblemVariant,
} from './generators/wordProblems/wordProblems.js'
export { gsm8k } from './gsm8k.js'
export { humanEval } from './humanEval.js'
export type { HumanEvalOptions } from './humanEval.js'
export { knightsAndKnaves } from './knightsAndKnaves.js'
export { loadTask, problemOfRow, taskNames } from './loadTask.js'
export { math } from './math.js'
export type { MalformedRow, Prompt, Split } from './task.js'
export type { TaskOptions } from './taskOptions.js'
