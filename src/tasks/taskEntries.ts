import { ConfigError } from '../errors.js'
import type { CodeLanguage } from '../sandbox/codeRun.js'
import { arithmetic } from './generators/arithmetic.js'
import type { Difficulty } from './difficulty.js'
import { answerColumns, fileTask } from './fileTask.js'
import type { GraderName } from '../grading/namedGraders.js'
import type { FileColumns } from './fileTask.js'
import { exactGrader } from '../grading/exact.js'
import { mathGrader } from '../grading/math/gradeMath.js'
import { chainSum } from './generators/chainSum.js'
import { countdown, gradeCountdown } from './generators/countdown.js'
import { syllogism } from './generators/syllogism.js'
import { choiceGrader, yesOrNo } from '../grading/choice.js'
import { gradeRoles } from '../grading/roles.js'
import { gsm8k, gsm8kProblem } from './gsm8k.js'
import { codeProblem, humanEval } from './humanEval.js'
import { knightsAndKnaves, knightsProblem } from './knightsAndKnaves.js'
import { math, mathProblem } from './math.js'
import type { AnswerForm } from '../grading/answerForm.js'
import { textColumn } from './rows/columns.js'
import { sums } from './generators/sums.js'
import type { SumsOperation } from './generators/sums.js'
import type { Grader, Problem } from '../grading/problem.js'
import type { MalformedRow, Split, Task } from './task.js'
import { wordProblems } from './generators/wordProblems/wordProblems.js'
import type { WordProblemVariant } from './generators/wordProblems/wordProblems.js'

/** Options of all tasks together; each task rejects those that it does not take. */
export interface TaskOptions extends FileColumns {
  /** File, folder or Hub id (`openai/gsm8k`, `openai/gsm8k@revision`) of the problems, for tasks that are read. */
  data?: string
  /** Encoding of `data` where it is text in neither UTF-8 nor marked UTF-16: `windows-1252`. */
  encoding?: string
  /** Defaults to `train`. */
  split?: Split
  /** Takes the first problems only. Defaults to all; a task that is made up has 1000, or 200 of `test`. */
  limit?: number
  /** For tasks that are generated; one that is read ignores it, since a run's seed goes to every task. Defaults to 0. */
  seed?: number
  /** Number of worked examples before each question. Defaults to the task's own number. */
  shots?: number
  /** The system message of a chat; null for none. Defaults to the task's own. */
  systemPrompt?: string | null
  /** Form of solutions and worked examples, and what the system prompt asks for. Defaults to the task's own. */
  reasoningFormat?: AnswerForm
  /** A difficulty, or the lowest and the highest one. Defaults to the task's own, or all that are read. */
  difficulty?: Difficulty
  /** As in {@link math}. */
  subjects?: readonly string[]
  /** Allows to run Python programs, for tasks whose answers are such (docs/sandbox.md). Defaults to false. */
  allowPython?: boolean
  /** Time for a program and its tests, in ms. Defaults to 5000. */
  timeLimit?: number
  /** Memory of a program, in MiB. Defaults to 256. */
  memoryLimit?: number
  /** As in {@link fileTask}. */
  grader?: GraderName
  /** As in {@link wordProblems}. */
  variant?: WordProblemVariant
  /** As in {@link sums}. */
  maxOperand?: number
  /** As in {@link sums}. */
  minOperand?: number
  /** As in {@link sums}. */
  operations?: readonly SumsOperation[]
  /** As in {@link sums}. */
  bare?: boolean
  /** What to do with rows that cannot be used: `error`, which counts and names them, or `skip`. Defaults to `error`. */
  onBadRows?: 'error' | 'skip'
  /** Called for each malformed row, which is then left out. Defaults to an error that counts and names them. */
  onMalformedRow?: (row: MalformedRow) => void
}

/** How a task is loaded by its name. */
export interface TaskEntry {
  readonly optionNames: readonly (keyof TaskOptions)[]
  load(options: TaskOptions): Task | Promise<Task>
  /** The problem of a row with an answer, whose question may be missing, or the reason why it is none. */
  problemOfRow(row: Readonly<Record<string, unknown>>, id: string, options: TaskOptions): Problem | string
}

const common = ['split', 'limit', 'seed', 'shots', 'systemPrompt'] as const
const generated = [...common, 'reasoningFormat', 'difficulty'] as const
const read = [...generated, 'data', 'encoding', 'onBadRows', 'onMalformedRow'] as const

export const taskEntries: ReadonlyMap<string, TaskEntry> = new Map<string, TaskEntry>([
  [
    'gsm8k',
    {
      optionNames: read,
      load: (options) => gsm8k(withData('gsm8k', options)),
      problemOfRow: (row, id, { reasoningFormat = 'gsm8k' }) => {
        const answer = textColumn(row, 'answer')
        return answer === '' ? 'has no answer' : gsm8kProblem(textColumn(row, 'question'), answer, id, reasoningFormat)
      },
    },
  ],
  [
    'math',
    {
      optionNames: [...read, 'subjects'],
      load: (options) => math(withData('math', options)),
      problemOfRow: (row, id, { reasoningFormat = 'boxed' }) => mathProblem(row, id, reasoningFormat),
    },
  ],
  ['humaneval', humanEvalEntry('python')],
  ['humaneval-js', humanEvalEntry('javascript')],
  [
    'knights-and-knaves',
    {
      optionNames: read,
      load: ({ data, onMalformedRow, ...options }) =>
        knightsAndKnaves(
          data === undefined ? options : { ...options, data, ...(onMalformedRow && { onMalformedRow }) },
        ),
      problemOfRow: (row, id, { reasoningFormat = 'gsm8k' }) =>
        'names' in row ? knightsProblem(row, id, reasoningFormat) : answerOfRow(row, id, gradeRoles),
    },
  ],
  [
    'file',
    {
      optionNames: [...read, 'questionColumn', 'answerColumn', 'answerPattern', 'solutionColumn', 'grader'],
      load: (options) => fileTask(withData('file', options)),
      problemOfRow: (row, id, { grader = 'math', answerColumn }) => {
        const answer = textColumn(row, ...(answerColumn === undefined ? answerColumns : [answerColumn]))
        const graders = { number: undefined, math: mathGrader, exact: exactGrader, choice: exactGrader }
        return answerOfRow({ ...row, answer }, id, graders[grader])
      },
    },
  ],
  ['arithmetic', { optionNames: generated, load: arithmetic, problemOfRow: (row, id) => answerOfRow(row, id) }],
  [
    'word-problems',
    {
      optionNames: [...common, 'difficulty', 'variant'],
      load: wordProblems,
      problemOfRow: (row, id) => answerOfRow(row, id),
    },
  ],
  [
    'countdown',
    {
      optionNames: generated,
      load: countdown,
      problemOfRow(row, id) {
        const numbers = row.numbers ?? row.nums
        if (!Array.isArray(numbers) || row.target === undefined) return 'has no numbers and target'
        const problem = { id, question: textColumn(row, 'question'), answer: textColumn(row, 'answer') }
        return { ...problem, columns: { numbers, target: row.target }, grader: gradeCountdown }
      },
    },
  ],
  [
    'syllogism',
    {
      optionNames: generated,
      load: syllogism,
      problemOfRow: (row, id) => answerOfRow(row, id, choiceGrader(yesOrNo)),
    },
  ],
  ['chain-sum', { optionNames: generated, load: chainSum, problemOfRow: (row, id) => answerOfRow(row, id) }],
  [
    'sums',
    {
      optionNames: [...common, 'minOperand', 'maxOperand', 'operations', 'bare'],
      load: sums,
      problemOfRow: (row, id) => answerOfRow(row, id),
    },
  ],
])

function humanEvalEntry(language: CodeLanguage): TaskEntry {
  const name = language === 'python' ? 'humaneval' : 'humaneval-js'
  return {
    optionNames: [...read, 'allowPython', 'timeLimit', 'memoryLimit'],
    load: (options) => humanEval({ ...withData(name, options), language }),
    problemOfRow: (row, id, options) => codeProblem(row, id, options.reasoningFormat ?? 'code', language, options),
  }
}

/** The options of a task that is read, which has no use for a seed. */
function withData<T extends TaskOptions>(name: string, options: T): T & { data: string } {
  const { data } = options
  if (data !== undefined) return { ...options, data }
  throw new ConfigError(`task ${name} needs data: a .jsonl or .parquet file, or a folder that holds train.jsonl`)
}

function answerOfRow(row: Readonly<Record<string, unknown>>, id: string, grader?: Grader): Problem | string {
  const answer = textColumn(row, 'answer')
  if (answer.trim() === '') return 'has no answer'
  return { id, question: textColumn(row, 'question'), answer, ...(grader && { grader }) }
}
