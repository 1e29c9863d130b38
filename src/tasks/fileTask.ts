import { z } from 'zod'
import { ConfigError, DataError } from '../errors.js'
import { workedAnswer } from '../grading/goldAnswer.js'
import { quote } from '../io/json.js'
import { namedGrader } from '../grading/namedGraders.js'
import { graderNames } from '../grading/namedGraders.js'
import type { GraderName } from '../grading/namedGraders.js'
import { isHeldOut } from './heldOut.js'
import { answerFormRules, markedAnswer } from '../grading/answerForm.js'
import type { AnswerForm } from '../grading/answerForm.js'
import { columnNames, columnValue, hasColumn, textColumn } from './rows/columns.js'
import type { Columns } from './rows/columns.js'
import { readConversation } from './rows/conversation.js'
import { datasetTask, whatIsAsked } from './rows/datasetTask.js'
import type { DatasetOptions } from './rows/datasetTask.js'
import type { Problem } from '../grading/problem.js'
import type { Task } from './task.js'

/** Where questions are, by the names that public data sets give them. */
const questionColumns = ['question', 'prompt', 'messages', 'conversations', 'conversation', 'problem']
export const answerColumns: readonly string[] = ['answer', 'reward_model.ground_truth', 'ground_truth']

/** What task file takes besides the options of tasks that are read. */
export const fileOptions = {
  questionColumn: z
    .string()
    .min(1)
    .describe(
      'Column of the question, a text or a list of messages, for task file; dots lead into nested columns. Defaults to ' +
        'question, prompt, messages, conversations or problem.',
    ),
  answerColumn: z
    .string()
    .min(1)
    .describe(
      'Column of the answer, for task file, such as reward_model.ground_truth. Defaults to answer, ' +
        'reward_model.ground_truth or ground_truth.',
    ),
  answerPattern: z
    .string()
    .min(1)
    .describe(
      "Regular expression whose first group is the final answer in that column, for task file, such as 'answer is (.+?)\\.?$'. " +
        'Defaults to none: the whole column.',
    ),
  solutionColumn: z
    .string()
    .min(1)
    .describe('Column of a worked solution without the final answer, for task file. Defaults to none.'),
  grader: z.enum(graderNames).describe('How the answers of task file are compared. Defaults to math.'),
}

/** Which columns of a row are what; a name with dots leads into nested columns. */
export interface FileColumns {
  /**
   * Column of the question: text, or a conversation as a list of messages. Defaults to the first that the row has of
   * `question`, `prompt`, `messages`, `conversations`, `conversation` and `problem`.
   */
  questionColumn?: string
  /**
   * Column of the answer. Defaults to the first that the row has of `answer`, `reward_model.ground_truth` (verl) and
   * `ground_truth`, else what the assistant says at the end of the conversation.
   */
  answerColumn?: string
  /**
   * A regular expression that finds the final answer in the column of the answer, as its first group or as a whole:
   * `answer is (.+?)\.?$`. Defaults to none: the whole column, or, of a solution that marks exactly one answer in its last line
   * (`#### 18`, `\boxed{18}`, `<answer>18</answer>`), that answer.
   */
  answerPattern?: string
  /** Column of a worked solution without the final answer. Defaults to the assistant's message at the end of a conversation. */
  solutionColumn?: string
}

/** A task from rows of a file: which columns it has, and how answers are compared. */
export interface FileTaskOptions extends DatasetOptions, FileColumns {
  /**
   * How answers are compared: `number`, `math` (LaTeX and expressions), `exact` (the same text but for case and space) or
   * `choice` (one of the answers that the file has). Defaults to `math`.
   */
  grader?: GraderName
}

/**
 * Problems of one's own: rows of JSON lines, JSON, separated values or parquet with a question and an answer. Where the file
 * names say no split, a checksum of the question puts a fifth of the rows into the test split; the others are for training.
 *
 * Throws a {@link DataError} for data that is missing or malformed, a {@link ConfigError} for an unknown grader.
 */
export async function fileTask(options: FileTaskOptions): Promise<Task> {
  const { questionColumn, answerColumn, answerPattern, solutionColumn, grader = 'math', limit, ...rest } = options
  // Before anything is read.
  namedGrader(grader, [])
  const columns: FileColumns = {
    ...(questionColumn !== undefined && { questionColumn }),
    ...(answerColumn !== undefined && { answerColumn }),
    ...(solutionColumn !== undefined && { solutionColumn }),
  }
  const pattern = answerPattern === undefined ? null : compiled(answerPattern)
  const split = rest.split ?? 'train'
  const form = rest.reasoningFormat ?? (grader === 'math' ? 'boxed' : 'gsm8k')
  const task = await datasetTask(
    {
      name: 'file',
      instruction: 'Solve the problem.',
      answerHint: grader === 'number' ? 'number' : 'answer',
      reasoningFormat: form,
      ...(grader !== 'number' && {
        grader: (answers) => namedGrader(grader, answers),
      }),
      parse: (row, id) => fileProblem(row, id, form, columns, pattern),
    },
    rest,
  )
  const problems = task.problems.filter(
    (problem) => !problem.id.startsWith('file/all/') || isHeldOut(whatIsAsked(problem)) === (split === 'test'),
  )
  if (problems.length === 0) {
    throw new DataError(
      `'${options.data}' has no ${split} problems: a fifth of its ${task.problems.length} rows is the test split; ` +
        'name files train.… and test.… to choose them yourself',
    )
  }
  return { ...task, problems: problems.slice(0, limit) }
}

/** The problem of a row, or the reason why it is none. */
function fileProblem(
  row: Columns,
  id: string,
  form: AnswerForm,
  columns: FileColumns,
  pattern: RegExp | null,
): Problem | string {
  const questionColumn = columns.questionColumn ?? questionColumns.find((name) => isThere(row, name)) ?? 'question'
  if (!hasColumn(row, questionColumn)) return withoutColumn(row, questionColumn, 'question_column')
  const conversation = readConversation(columnValue(row, questionColumn))
  if (typeof conversation === 'string') return conversation
  const said = conversation?.solution ?? null
  const answerColumn =
    columns.answerColumn ??
    answerColumns.find((name) => isThere(row, name)) ??
    // An empty one is named for what it lacks.
    (said === null ? answerColumns.find((name) => hasColumn(row, name)) : undefined)
  if (answerColumn === undefined ? said === null : !hasColumn(row, answerColumn)) {
    return withoutColumn(row, answerColumn ?? 'answer', 'answer_column')
  }
  const given = (answerColumn === undefined ? (said ?? '') : textColumn(row, answerColumn)).trim()
  if (given === '') return `has no text in the column ${answerColumn ?? questionColumn}`
  const gold = goldOf(given, pattern, answerColumn === undefined)
  if (gold === null) return `has the answer ${quote(given.slice(0, 60))}, in which answerPattern finds nothing`
  const { answer } = gold
  const steps = columns.solutionColumn === undefined ? (gold.steps ?? said) : textColumn(row, columns.solutionColumn)
  const others = Object.entries(row).filter(([name]) => name !== questionColumn && name !== answerColumn)
  return {
    id,
    question: conversation?.question ?? textColumn(row, questionColumn),
    answer,
    answerForm: form,
    columns: Object.fromEntries(others),
    ...(conversation !== null && { messages: conversation.messages }),
    ...(steps !== null && { solution: answerFormRules[form].write(steps.trim() === answer ? '' : steps, answer) }),
  }
}

/**
 * The final answer in what a row has as its answer: what the pattern finds, what a whole solution marks, or else all of it; and
 * the steps of such a solution. Null if the pattern finds nothing.
 */
function goldOf(
  text: string,
  pattern: RegExp | null,
  isSaid: boolean,
): { answer: string; steps: string | null } | null {
  if (pattern !== null) {
    const match = pattern.exec(text)
    const answer = (match?.[1] ?? match?.[0] ?? '').trim()
    return answer === '' ? null : { answer, steps: isSaid ? text : null }
  }
  const worked = workedAnswer(text)
  if (worked !== null) return worked
  return isSaid ? { answer: markedAnswer(text) ?? text, steps: text } : { answer: text, steps: null }
}

function compiled(pattern: string): RegExp {
  try {
    return new RegExp(pattern, 'su')
  } catch (cause) {
    throw new ConfigError(
      `answerPattern is ${quote(pattern)}; expected a regular expression (${(cause as Error).message})`,
    )
  }
}

function isThere(row: Columns, name: string): boolean {
  const value = columnValue(row, name)
  return value !== undefined && value !== null && value !== ''
}

function withoutColumn(row: Columns, name: string, option: string): string {
  return `has no column ${name}; it has ${columnNames(row)} (${option} names another)`
}
