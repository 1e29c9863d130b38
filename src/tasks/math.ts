import { z } from 'zod'
import { ConfigError } from '../errors.js'
import { lastBoxed } from '../grading/answers/boxed.js'
import { mathGrader } from '../grading/math/gradeMath.js'
import { answerFormRules } from '../grading/answerForm.js'
import type { AnswerForm } from '../grading/answerForm.js'
import { textColumn } from './rows/columns.js'
import { datasetTask } from './rows/datasetTask.js'
import type { Dataset, DatasetOptions } from './rows/datasetTask.js'
import type { Problem } from '../grading/problem.js'
import type { Task } from './task.js'

/** Subjects of MATH, as `type` or `subject` of the rows. */
const mathSubjects = [
  'Algebra',
  'Counting & Probability',
  'Geometry',
  'Intermediate Algebra',
  'Number Theory',
  'Prealgebra',
  'Precalculus',
] as const

/** What task math takes besides the options of tasks that are read. */
export const mathOptions = {
  subjects: z.array(z.string().min(1)).min(1).describe('Subjects of MATH to take, for task math. Defaults to all.'),
}

export interface MathOptions extends DatasetOptions {
  /** Takes problems of these subjects only, in any spelling of {@link mathSubjects}. Defaults to all. */
  subjects?: readonly string[]
}

/**
 * MATH (Hendrycks et al. 2021, https://arxiv.org/abs/2103.03874): competition problems with answers in LaTeX. Rows have
 * `problem` and `answer`, or a `solution` whose last `\boxed{…}` is the answer; the difficulty is their `level` (1 to 5) or
 * `difficulty`. All usual layouts are read: MATH-500's and PRM800K's JSON, the Hub's parquet files, a folder for each subject.
 *
 * Throws a DataError for data that is missing or malformed, a ConfigError for a subject that MATH does not have.
 */
export async function math(options: MathOptions): Promise<Task> {
  const { subjects, ...rest } = options
  if (subjects === undefined) return datasetTask(dataset, rest)
  const known = new Map(mathSubjects.map((subject) => [subjectKey(subject), subject]))
  for (const subject of subjects) {
    if (known.has(subjectKey(subject))) continue
    throw new ConfigError(`subject '${subject}' is not one of MATH; it has ${mathSubjects.join(', ')}`)
  }
  const keys = new Set(subjects.map(subjectKey))
  const { limit, ...unlimited } = rest
  const task = await datasetTask(dataset, unlimited)
  const problems = task.problems.filter(({ columns }) => keys.has(subjectKey(String(columns?.subject))))
  return { ...task, problems: problems.slice(0, limit) }
}

const dataset: Dataset = {
  name: 'math',
  instruction: 'Solve the problem.',
  answerHint: 'answer',
  reasoningFormat: 'boxed',
  parse: mathProblem,
}

/** The problem of a row, or the reason why it is none. */
export function mathProblem(row: Readonly<Record<string, unknown>>, id: string, form: AnswerForm): Problem | string {
  const question = textColumn(row, 'problem', 'question')
  const solution = textColumn(row, 'solution')
  const answer = textColumn(row, 'answer').trim() || (lastBoxed(solution) ?? '')
  if (answer === '') return 'has neither an answer nor a solution with \\boxed{…}'
  const subject = textColumn(row, 'subject', 'type')
  const difficulty = levelOf(row.level ?? row.difficulty)
  const rules = answerFormRules[form]
  const isWritten = form === 'boxed' && rules.holds(solution, (content) => content.trim() === answer)
  return {
    id,
    question,
    answer,
    answerForm: form,
    grader: mathGrader,
    ...(solution !== '' && { solution: isWritten ? solution : rules.write(solution, answer) }),
    ...(difficulty !== null && { difficulty }),
    columns: { ...(subject !== '' && { subject }), ...(difficulty !== null && { level: difficulty }) },
  }
}

/** `Level 5`, 5 or 5.0 as 5; null for `Level ?`. */
function levelOf(level: unknown): number | null {
  const match = typeof level === 'number' ? [String(level)] : /\d+(\.\d+)?/.exec(typeof level === 'string' ? level : '')
  return match === null ? null : Number(match[0])
}

function subjectKey(subject: string): string {
  return subject
    .toLowerCase()
    .replace(/&/g, 'and')
    .replace(/[^a-z]/g, '')
}
