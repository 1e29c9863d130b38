import { ConfigError, DataError } from '../errors.js'
import { mathGrader } from '../grading/math/gradeMath.js'
import { choiceGrader } from '../grading/choice.js'
import type { Choices } from '../grading/choice.js'
import { exactGrader } from '../grading/exact.js'
import { isHeldOut } from './heldOut.js'
import { answerFormRules, markedAnswer } from '../grading/answerForm.js'
import type { AnswerForm } from '../grading/answerForm.js'
import { columnNames, columnValue, hasColumn, textColumn } from './rows/columns.js'
import type { Columns } from './rows/columns.js'
import { readConversation } from './rows/conversation.js'
import { datasetTask, whatIsAsked } from './rows/datasetTask.js'
import type { DatasetOptions } from './rows/datasetTask.js'
import type { Grader, Problem } from '../grading/problem.js'
import type { Task } from './task.js'

/** How the answers of an own task are compared. */
export type GraderName = 'number' | 'math' | 'exact' | 'choice'

export const graderNames = ['number', 'math', 'exact', 'choice'] as const satisfies readonly GraderName[]

/** Where questions are, by the names that public data sets give them. */
const questionColumns = ['question', 'prompt', 'messages', 'conversations', 'conversation', 'problem']
export const answerColumns: readonly string[] = ['answer', 'reward_model.ground_truth', 'ground_truth']

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
  const { questionColumn, answerColumn, solutionColumn, grader = 'math', limit, ...rest } = options
  if (!graderNames.includes(grader)) {
    throw new ConfigError(`grader is '${grader}'; it must be one of ${graderNames.join(', ')}`)
  }
  const columns: FileColumns = {
    ...(questionColumn !== undefined && { questionColumn }),
    ...(answerColumn !== undefined && { answerColumn }),
    ...(solutionColumn !== undefined && { solutionColumn }),
  }
  const split = rest.split ?? 'train'
  const form = rest.reasoningFormat ?? (grader === 'math' ? 'boxed' : 'gsm8k')
  const task = await datasetTask(
    {
      ...{ name: 'file', instruction: 'Solve the problem.', answerHint: grader === 'number' ? 'number' : 'answer' },
      reasoningFormat: form,
      parse: (row, id) => fileProblem(row, id, form, columns),
    },
    rest,
  )
  const graders: Record<GraderName, () => Grader | null> = {
    number: () => null,
    math: () => mathGrader,
    exact: () => exactGrader,
    choice: () => choiceGrader(choicesOf(task.problems)),
  }
  const chosen = graders[grader]()
  const problems = task.problems
    .filter((problem) => !problem.id.startsWith('file/all/') || isHeldOut(whatIsAsked(problem)) === (split === 'test'))
    .map((problem) => (chosen === null ? problem : { ...problem, grader: chosen }))
  if (problems.length === 0) {
    throw new DataError(
      `'${options.data}' has no ${split} problems: a fifth of its ${task.problems.length} rows is the test split; ` +
        'name files train.… and test.… to choose them yourself',
    )
  }
  return { ...task, problems: problems.slice(0, limit) }
}

/** The problem of a row, or the reason why it is none. */
export function fileProblem(row: Columns, id: string, form: AnswerForm, columns: FileColumns): Problem | string {
  const questionColumn = columns.questionColumn ?? questionColumns.find((name) => isThere(row, name)) ?? 'question'
  if (!hasColumn(row, questionColumn)) return withoutColumn(row, questionColumn, 'question_column')
  const conversation = readConversation(columnValue(row, questionColumn))
  if (typeof conversation === 'string') return conversation
  const answerColumn = columns.answerColumn ?? answerColumns.find((name) => isThere(row, name))
  const said = conversation?.solution ?? null
  if (answerColumn === undefined ? said === null : !hasColumn(row, answerColumn)) {
    return withoutColumn(row, answerColumn ?? 'answer', 'answer_column')
  }
  const answer = (answerColumn === undefined ? goldOf(said ?? '') : textColumn(row, answerColumn)).trim()
  if (answer === '') return `has no text in the column ${answerColumn ?? questionColumn}`
  const steps = columns.solutionColumn === undefined ? said : textColumn(row, columns.solutionColumn)
  const others = Object.entries(row).filter(([name]) => name !== questionColumn && name !== answerColumn)
  return {
    ...{ id, question: conversation?.question ?? textColumn(row, questionColumn), answer, answerForm: form },
    columns: Object.fromEntries(others),
    ...(conversation !== null && { messages: conversation.messages }),
    ...(steps !== null && { solution: answerFormRules[form].write(steps.trim() === answer ? '' : steps, answer) }),
  }
}

/** The answer in a worked solution: what it marks, else all of it. */
function goldOf(solution: string): string {
  return markedAnswer(solution) ?? solution
}

function isThere(row: Columns, name: string): boolean {
  const value = columnValue(row, name)
  return value !== undefined && value !== null && value !== ''
}

function withoutColumn(row: Columns, name: string, option: string): string {
  return `has no column ${name}; it has ${columnNames(row)} (${option} names another)`
}

/** Every answer of the file is a choice. */
function choicesOf(problems: readonly Problem[]): Choices {
  return Object.fromEntries(problems.map(({ answer }) => [answer.toLowerCase(), [answer.toLowerCase()]]))
}
