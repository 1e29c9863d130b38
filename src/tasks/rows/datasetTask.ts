import { DataError } from '../../errors.js'
import { isJsonObject } from '../../io/json.js'
import { checkCount } from '../checkCount.js'
import { difficultyRange } from '../difficulty.js'
import type { Difficulty } from '../difficulty.js'
import { questionPrompt } from '../questionPrompt.js'
import { answerFormRules } from '../../grading/answerForm.js'
import type { AnswerForm } from '../../grading/answerForm.js'
import { goldFault } from '../../grading/goldAnswer.js'
import type { Grader, Problem } from '../../grading/problem.js'
import type { MalformedRow, Split, Task } from '../task.js'
import { placeOf, readRows } from './readRows.js'
import type { RowOptions } from './readRows.js'
import { findSplitFiles, namedSplit, splitFiles } from './splitFiles.js'

/** Options of every task that is read from files. */
export interface DatasetOptions extends RowOptions {
  /** A file of rows, or a folder of them (see {@link splitFiles}). */
  data: string
  /** Defaults to `train`. */
  split?: Split
  /** Takes the first problems only, after choosing them by difficulty. Defaults to all. */
  limit?: number
  /**
   * Number of worked examples before each question, the first rows of the training split (of the file itself if `data`
   * is a single file); they are not among the problems. Defaults to 0.
   */
  shots?: number
  /**
   * The system message of a chat; null for none. Defaults to one that says what to do and how to mark the answer, but for rows
   * whose conversation has one, which a text given here replaces.
   */
  systemPrompt?: string | null
  /** Form of the worked examples and solutions, and what the system prompt asks for. Defaults to the task's own. */
  reasoningFormat?: AnswerForm
  /** Takes problems of this difficulty only, a number or the lowest and the highest one. Defaults to all. */
  difficulty?: Difficulty
  /**
   * What to do with rows that cannot be used, such as one whose answer no completion can match: `error` throws a
   * {@link DataError} that counts them and names the first ones, `skip` leaves them out (`malformedRows` of the task holds them).
   * Defaults to `error`.
   */
  onBadRows?: 'error' | 'skip'
  /** Called for each row that cannot be used, which is then left out whatever `onBadRows` is. */
  onMalformedRow?: (row: MalformedRow) => void
}

/** Where a row stands. */
type RowPlace = Pick<MalformedRow, 'file' | 'line'>

/** A kind of problems that is read. */
export interface Dataset {
  readonly name: string
  /** Opens the system prompt, e.g. `Solve the problem.` */
  readonly instruction: string
  /** What stands in the answer's place in the system prompt, e.g. `number`. */
  readonly answerHint: string
  readonly reasoningFormat: AnswerForm
  /** The problem of a row, or the reason why it is none. */
  parse(row: Readonly<Record<string, unknown>>, id: string, form: AnswerForm): Problem | string
  /** The grader of all problems, made from their answers. Defaults to the one that each has. */
  readonly grader?: (answers: readonly string[]) => Grader
  /** Replaces the system prompt that is made of the instruction and the answer's form. */
  readonly systemPrompt?: (form: AnswerForm) => string
  /** Replaces {@link questionPrompt}. */
  readonly prompt?: (examples: readonly Problem[], systemPrompt: string | null) => Task['prompt']
}

/**
 * Reads the problems of a split. A row of the training split whose question is also one of the test split beside it counts
 * as malformed, so that nothing of the test split is trained on, and so does one whose answer no completion can match
 * (see {@link goldFault}).
 *
 * Throws a {@link DataError} for data that is missing or malformed, and a FileFormatError for a file that cannot be read.
 */
export async function datasetTask(dataset: Dataset, options: DatasetOptions): Promise<Task> {
  const { data, split = 'train', shots = 0, reasoningFormat = dataset.reasoningFormat } = options
  if (options.limit !== undefined) checkCount('limit', options.limit, 1)
  checkCount('shots', shots, 0)
  const malformed: MalformedRow[] = []
  const places = new WeakMap<Problem, RowPlace>()
  const read = (files: readonly string[]): Promise<Problem[]> =>
    readProblems(dataset, files, { ...options, reasoningFormat }, malformed, places)

  const files = splitFiles(data, split)
  let problems = await read(files)
  const numRows = problems.length + malformed.length
  const grader = dataset.grader?.(problems.map(({ answer }) => answer))
  problems = problems.flatMap((problem) => {
    const graded = grader === undefined ? problem : { ...problem, grader }
    const fault = goldFault(graded)
    if (fault === null) return [graded]
    malformed.push({ ...places.get(problem)!, ...fault })
    return []
  })
  if (split === 'train') problems = await withoutTestProblems(problems, dataset, options, files, malformed)
  let examples: readonly Problem[] = []
  if (shots > 0) {
    const exampleFiles = files[0] === data ? files : splitFiles(data, 'train')
    const isSameSplit = exampleFiles[0] === files[0]
    examples = (isSameSplit ? problems : await read(exampleFiles)).slice(0, shots)
    if (examples.length < shots) {
      throw new DataError(`shots ${shots}: ${exampleFiles.join(', ')} hold only ${examples.length} problems`)
    }
    if (isSameSplit) problems = problems.slice(shots)
  }
  if (options.onMalformedRow !== undefined) malformed.forEach(options.onMalformedRow)
  else if (malformed.length > 0 && options.onBadRows !== 'skip') {
    const advice = [...new Set(malformed.flatMap((row) => row.advice ?? []))].join('; ')
    throw new DataError(
      `${malformed.length} of ${numRows} rows are malformed: ${describeMalformed(malformed)}. ` +
        `Correct them${advice === '' ? '' : ` (${advice})`}, or leave them out with onBadRows 'skip' (--on-bad-rows skip)`,
    )
  }
  if (options.difficulty !== undefined) {
    const [lowest, highest] = difficultyRange(options.difficulty)
    problems = problems.filter(({ difficulty = 0 }) => difficulty >= lowest && difficulty <= highest)
  }
  if (problems.length === 0) throw new DataError(`${files.join(', ')}: no problems are left to use`)
  const systemPrompt =
    options.systemPrompt === undefined
      ? (dataset.systemPrompt?.(reasoningFormat) ??
        `${dataset.instruction} ${answerFormRules[reasoningFormat].instruction(dataset.answerHint)}`)
      : options.systemPrompt
  return {
    name: dataset.name,
    problems: problems.slice(0, options.limit),
    systemPrompt,
    prompt:
      dataset.prompt?.(examples, systemPrompt) ??
      ((problem, tokenizer) => questionPrompt(problem, examples, systemPrompt, tokenizer)),
    ...(malformed.length > 0 && { malformedRows: malformed }),
  }
}

/** A line for each task of which rows were left out: how many, and the first ones. */
export function malformedWarnings(...tasks: readonly (Task | undefined | null)[]): string[] {
  return tasks.flatMap((task) => {
    const malformed = task?.malformedRows ?? []
    return malformed.length === 0
      ? []
      : [
          `${malformed.length} ${malformed.length === 1 ? 'row' : 'rows'} of task ${task!.name} left out as malformed: ` +
            describeMalformed(malformed),
        ]
  })
}

/** `train.jsonl:7 has no answer; train.jsonl:9 …; and 3 more` */
export function describeMalformed(malformed: readonly MalformedRow[]): string {
  const shown = malformed.slice(0, 5).map(({ file, line, reason }) => `${placeOf(file, line)} ${reason}`)
  const rest = malformed.length > shown.length ? `; and ${malformed.length - shown.length} more` : ''
  return shown.join('; ') + rest
}

async function readProblems(
  dataset: Dataset,
  files: readonly string[],
  options: DatasetOptions & { reasoningFormat: AnswerForm },
  malformed: MalformedRow[],
  places = new WeakMap<Problem, RowPlace>(),
): Promise<Problem[]> {
  const problems: Problem[] = []
  let row = 0
  for (const file of files) {
    for await (const { line, value, error } of readRows(file, options)) {
      row++
      const id = `${dataset.name}/${namedSplit(file) ?? 'all'}/${row}`
      const problem = error ?? parseRow(dataset, value, id, options.reasoningFormat)
      if (typeof problem === 'object') {
        const asked = withSystemPrompt(problem, options.systemPrompt)
        problems.push(asked)
        places.set(asked, { file, line })
      } else malformed.push({ file, line, reason: problem })
    }
  }
  return problems
}

function parseRow(dataset: Dataset, value: unknown, id: string, form: AnswerForm): Problem | string {
  if (!isJsonObject(value)) return 'is not an object with columns'
  const problem = dataset.parse(value, id, form)
  return typeof problem === 'object' && problem.question.trim() === '' ? 'has no question' : problem
}

/** A system prompt that was asked for takes the place of the conversation's own. */
function withSystemPrompt(problem: Problem, systemPrompt: string | null | undefined): Problem {
  if (problem.messages === undefined || typeof systemPrompt !== 'string') return problem
  return { ...problem, messages: problem.messages.filter(({ role }) => role !== 'system') }
}

/** Leaves out training problems that the test split beside them holds as well. */
async function withoutTestProblems(
  problems: readonly Problem[],
  dataset: Dataset,
  options: DatasetOptions,
  files: readonly string[],
  malformed: MalformedRow[],
): Promise<Problem[]> {
  const testFiles = files[0] === options.data ? [] : findSplitFiles(options.data, 'test')
  // What is malformed in the test split is reported when that one is loaded.
  const test = await readProblems(dataset, testFiles, { reasoningFormat: dataset.reasoningFormat, ...options }, [])
  const questions = new Map(test.map((problem) => [whatIsAsked(problem), problem.id]))
  return problems.filter((problem) => {
    const twin = questions.get(whatIsAsked(problem))
    if (twin === undefined) return true
    const [, , row] = problem.id.split('/')
    malformed.push({ file: files.join(', '), line: Number(row), reason: `asks the same as ${twin} of the test split` })
    return false
  })
}

/** The question, in a conversation with its earlier turns, without differences of case and white space. */
export function whatIsAsked({ question, messages }: Pick<Problem, 'question' | 'messages'>): string {
  const turns = messages?.filter(({ role }) => role !== 'system') ?? []
  const text = turns.length > 1 ? turns.map(({ role, content }) => `${role}: ${content}`).join('\n') : question
  return text.replace(/\s+/g, ' ').trim().toLowerCase()
}
