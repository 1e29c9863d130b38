import { generatedTask } from './generators/generatedTask.js'
import type { GeneratorOptions } from './generators/generatedTask.js'
import { knightsGenerator } from './generators/knights/knightsGenerator.js'
import { gradeRoles, rolesText } from '../grading/roles.js'
import { answerFormRules } from '../grading/answerForm.js'
import type { AnswerForm } from '../grading/answerForm.js'
import { textColumn } from './rows/columns.js'
import { datasetTask } from './rows/datasetTask.js'
import type { Dataset, DatasetOptions } from './rows/datasetTask.js'
import type { Problem } from '../grading/problem.js'
import type { Task } from './task.js'

/**
 * Puzzles about knights, who tell the truth, and knaves, who lie. Without `data` they are made up, each with exactly one
 * solution; with `data` they are read, in the layout of Logic-RL (`quiz`, `names`, `solution`, `cot_repeat_steps`). The
 * difficulty is the number of people.
 *
 * Throws a DataError for data that is missing or malformed, and a ConfigError for an option out of range.
 */
export async function knightsAndKnaves(options: GeneratorOptions | DatasetOptions = {}): Promise<Task> {
  return 'data' in options ? datasetTask(dataset, options) : generatedTask(knightsGenerator, options)
}

const dataset: Dataset = {
  name: knightsGenerator.name,
  instruction: knightsGenerator.instruction,
  answerHint: knightsGenerator.answerHint,
  reasoningFormat: 'gsm8k',
  parse: knightsProblem,
}

/** The problem of a row of Logic-RL, or the reason why it is none. */
export function knightsProblem(row: Readonly<Record<string, unknown>>, id: string, form: AnswerForm): Problem | string {
  const { names, solution, cot_repeat_steps: steps } = row
  if (!Array.isArray(names) || !Array.isArray(solution)) return 'has no names and solution'
  if (names.length !== solution.length || !names.every((name) => typeof name === 'string')) {
    return `has ${names.length} names and a solution of ${solution.length}`
  }
  if (!solution.every((isKnight) => typeof isKnight === 'boolean')) return 'has a solution that is not true or false'
  const answer = rolesText(names, solution)
  const worked = Array.isArray(steps) ? steps.filter((step) => typeof step === 'string').join('\n') : ''
  return {
    id,
    question: textColumn(row, 'quiz', 'question'),
    answer,
    answerForm: form,
    solution: answerFormRules[form].write(worked, answer),
    difficulty: names.length,
    grader: gradeRoles,
    columns: { names, solution },
  }
}
