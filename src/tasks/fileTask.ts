import { ConfigError, DataError } from '../errors.js'
import { mathGrader } from '../grading/math/gradeMath.js'
import { choiceGrader } from '../grading/choice.js'
import type { Choices } from '../grading/choice.js'
import { exactGrader } from '../grading/exact.js'
import { isHeldOut } from './heldOut.js'
import { answerFormRules } from '../grading/answerForm.js'
import { textColumn } from './rows/columns.js'
import { datasetTask } from './rows/datasetTask.js'
import type { DatasetOptions } from './rows/datasetTask.js'
import type { Grader, Problem } from '../grading/problem.js'
import type { Task } from './task.js'

/** How the answers of an own task are compared. */
export type GraderName = 'number' | 'math' | 'exact' | 'choice'

export const graderNames = ['number', 'math', 'exact', 'choice'] as const satisfies readonly GraderName[]

/** A task from rows of a file: which columns it has, and how answers are compared. */
export interface FileTaskOptions extends DatasetOptions {
  /** Column of the question. Defaults to `question`. */
  questionColumn?: string
  /** Column of the answer. Defaults to `answer`. */
  answerColumn?: string
  /** Column of a worked solution without the final answer. Defaults to none. */
  solutionColumn?: string
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
  const {
    questionColumn = 'question',
    answerColumn = 'answer',
    solutionColumn,
    grader = 'math',
    limit,
    ...rest
  } = options
  if (!graderNames.includes(grader)) {
    throw new ConfigError(`grader is '${grader}'; it must be one of ${graderNames.join(', ')}`)
  }
  const split = rest.split ?? 'train'
  const form = rest.reasoningFormat ?? (grader === 'math' ? 'boxed' : 'gsm8k')
  const task = await datasetTask(
    {
      ...{ name: 'file', instruction: 'Solve the problem.', answerHint: grader === 'number' ? 'number' : 'answer' },
      reasoningFormat: form,
      parse(row, id): Problem | string {
        for (const column of [questionColumn, answerColumn]) {
          if (!(column in row)) return `has no column ${column}; it has ${Object.keys(row).join(', ')}`
        }
        const answer = textColumn(row, answerColumn).trim()
        if (answer === '') return `has no text in the column ${answerColumn}`
        const steps = solutionColumn === undefined ? '' : textColumn(row, solutionColumn)
        const columns = Object.fromEntries(
          Object.entries(row).filter(([name]) => name !== questionColumn && name !== answerColumn),
        )
        return {
          ...{ id, question: textColumn(row, questionColumn), answer, answerForm: form, columns },
          ...(solutionColumn !== undefined && { solution: answerFormRules[form].write(steps, answer) }),
        }
      },
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
    .filter(({ id, question }) => !id.startsWith('file/all/') || isTest(question) === (split === 'test'))
    .map((problem) => (chosen === null ? problem : { ...problem, grader: chosen }))
  if (problems.length === 0) {
    throw new DataError(
      `'${options.data}' has no ${split} problems: a fifth of its ${task.problems.length} rows is the test split; ` +
        'name files train.… and test.… to choose them yourself',
    )
  }
  return { ...task, problems: problems.slice(0, limit) }
}

function isTest(question: string): boolean {
  return isHeldOut(question.replace(/\s+/g, ' ').trim().toLowerCase())
}

/** Every answer of the file is a choice. */
function choicesOf(problems: readonly Problem[]): Choices {
  return Object.fromEntries(problems.map(({ answer }) => [answer.toLowerCase(), [answer.toLowerCase()]]))
}
