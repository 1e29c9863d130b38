import type { z } from 'zod'
import { ConfigError } from '../errors.js'
import type { CodeLanguage } from '../sandbox/codeRun.js'
import { arithmetic } from './generators/arithmetic.js'
import { answerColumns, fileOptions, fileTask } from './fileTask.js'
import { exactGrader } from '../grading/exact.js'
import { mathGrader } from '../grading/math/gradeMath.js'
import { chainSum } from './generators/chainSum.js'
import { countdown, gradeCountdown } from './generators/countdown.js'
import { orderings } from './generators/orderings.js'
import { smallPrograms } from './generators/smallPrograms.js'
import { syllogism } from './generators/syllogism.js'
import { choiceGrader, yesOrNo } from '../grading/choice.js'
import { gradeRoles } from '../grading/roles.js'
import { gsm8k, gsm8kProblem } from './gsm8k.js'
import { codeProblem, humanEval, programOptions } from './humanEval.js'
import { knightsAndKnaves, knightsProblem } from './knightsAndKnaves.js'
import { math, mathOptions, mathProblem } from './math.js'
import { textColumn } from './rows/columns.js'
import { rowFileTypes } from './rows/readRows.js'
import { sums, sumsOptions } from './generators/sums.js'
import type { Grader, Problem } from '../grading/problem.js'
import type { Task } from './task.js'
import { commonOptions, generatedOptions, readOptions } from './taskOptions.js'
import type { TaskOptions } from './taskOptions.js'
import { workedExamples } from './workedExamples.js'
import { wordProblemOptions, wordProblems } from './generators/wordProblems/wordProblems.js'

/** How a task is loaded by its name. */
export interface TaskEntry {
  /** What its problems are, for a list of tasks. */
  readonly description: string
  /** Its options: their check, flags and help texts are made from them. */
  readonly options: Readonly<Record<string, z.ZodType>>
  load(options: TaskOptions): Task | Promise<Task>
  /** The problem of a row with an answer, whose question may be missing, or the reason why it is none. */
  problemOfRow(row: Readonly<Record<string, unknown>>, id: string, options: TaskOptions): Problem | string
}

const { timeLimit, memoryLimit } = programOptions
const { split, limit, systemPrompt, seed, reasoningFormat } = generatedOptions
const workedExamplesOptions = { split, limit, systemPrompt, seed, reasoningFormat, timeLimit, memoryLimit }

/** All tasks by their names, in the order of lists. */
const entries = {
  gsm8k: {
    description: 'grade-school word problems of two to eight steps, read from the Hub or a file',
    options: readOptions,
    load: (options) => gsm8k(withData('gsm8k', options)),
    problemOfRow: (row, id, { reasoningFormat = 'gsm8k' }) => {
      const answer = textColumn(row, 'answer')
      return answer === '' ? 'has no answer' : gsm8kProblem(textColumn(row, 'question'), answer, id, reasoningFormat)
    },
  },
  math: {
    description: 'competition mathematics with answers in LaTeX, read from the Hub or a file',
    options: { ...readOptions, ...mathOptions },
    load: (options) => math(withData('math', options)),
    problemOfRow: (row, id, { reasoningFormat = 'boxed' }) => mathProblem(row, id, reasoningFormat),
  },
  humaneval: humanEvalEntry('python'),
  'humaneval-js': humanEvalEntry('javascript'),
  'knights-and-knaves': {
    description: 'who tells the truth and who lies, made up or read from a file',
    options: readOptions,
    load: ({ data, onMalformedRow, ...options }) =>
      knightsAndKnaves(data === undefined ? options : { ...options, data, ...(onMalformedRow && { onMalformedRow }) }),
    problemOfRow: (row, id, { reasoningFormat = 'gsm8k' }) =>
      'names' in row ? knightsProblem(row, id, reasoningFormat) : answerOfRow(row, id, gradeRoles),
  },
  file: {
    description: 'your own problems, from JSON lines, JSON, CSV, TSV or parquet',
    options: { ...readOptions, ...fileOptions },
    load: (options) => fileTask(withData('file', options)),
    problemOfRow: (row, id, { grader = 'math', answerColumn }) => {
      const answer = textColumn(row, ...(answerColumn === undefined ? answerColumns : [answerColumn]))
      const graders = { number: undefined, math: mathGrader, exact: exactGrader, choice: exactGrader }
      return answerOfRow({ ...row, answer }, id, graders[grader])
    },
  },
  arithmetic: {
    description: "word problems in GSM8K's form, made up",
    options: generatedOptions,
    load: arithmetic,
    problemOfRow: (row, id) => answerOfRow(row, id),
  },
  'word-problems': {
    description: 'simpler word problems, as the embedded model knows them, made up',
    options: { ...commonOptions, difficulty: generatedOptions.difficulty, ...wordProblemOptions },
    load: wordProblems,
    problemOfRow: (row, id) => answerOfRow(row, id),
  },
  countdown: {
    description: 'reach a number from others by + - * /, made up',
    options: generatedOptions,
    load: countdown,
    problemOfRow(row, id) {
      const numbers = row.numbers ?? row.nums
      if (!Array.isArray(numbers) || row.target === undefined) return 'has no numbers and target'
      const problem = { id, question: textColumn(row, 'question'), answer: textColumn(row, 'answer') }
      return { ...problem, columns: { numbers, target: row.target }, grader: gradeCountdown }
    },
  },
  syllogism: {
    description: 'does the conclusion follow from the premises, made up',
    options: generatedOptions,
    load: syllogism,
    problemOfRow: (row, id) => answerOfRow(row, id, choiceGrader(yesOrNo)),
  },
  'chain-sum': {
    description: 'sums of several numbers, made up',
    options: generatedOptions,
    load: chainSum,
    problemOfRow: (row, id) => answerOfRow(row, id),
  },
  orderings: {
    description: 'who is the oldest, the smallest or in the middle, made up',
    options: generatedOptions,
    load: orderings,
    problemOfRow: (row, id) => answerOfRow(row, id, exactGrader),
  },
  'small-programs': {
    description: 'JavaScript functions of one to three operations, as the embedded model knows them, made up',
    options: { ...generatedOptions, timeLimit, memoryLimit },
    load: smallPrograms,
    problemOfRow: (row, id, { reasoningFormat = 'code', ...limits }) =>
      codeProblem(row, id, reasoningFormat, 'javascript', limits),
  },
  'worked-examples': {
    description: 'three problems to look at: apples, roses, the longest palindrome; a test set only',
    options: workedExamplesOptions,
    load: workedExamples,
    problemOfRow: (row, id, options) =>
      textColumn(row, 'test', 'tests') === ''
        ? answerOfRow(row, id, /^(?:yes|no)$/i.test(textColumn(row, 'answer')) ? choiceGrader(yesOrNo) : undefined)
        : codeProblem(row, id, options.reasoningFormat ?? 'code', 'javascript', options),
  },
  sums: {
    description: 'sums and differences of two numbers, made up',
    options: { ...commonOptions, ...sumsOptions },
    load: sums,
    problemOfRow: (row, id) => answerOfRow(row, id),
  },
} satisfies Readonly<Record<string, TaskEntry>>

/** The tasks by their names. */
export const taskEntries: ReadonlyMap<string, TaskEntry> = new Map(Object.entries<TaskEntry>(entries))

type Shape = (typeof entries)[keyof typeof entries]['options']
type NameIn<Shapes> = Shapes extends unknown ? keyof Shapes : never
type SchemaIn<Shapes, Name> = Shapes extends unknown ? (Name extends keyof Shapes ? Shapes[Name] : never) : never

const allOptions = Object.assign({}, ...Object.values(entries).map(({ options }) => options)) as {
  readonly [Name in NameIn<Shape>]: SchemaIn<Shape, Name>
}

/**
 * The options of all tasks together, but for functions and the seed, which verbs have for more than the task: flags, help texts
 * and the options of a run are made from them.
 */
export const taskFlagSchemas: Omit<typeof allOptions, 'seed'> = Object.fromEntries(
  Object.entries(allOptions).filter(([name]) => name !== 'seed'),
) as typeof allOptions

/** The name of an option of a task that a flag can give. */
export type TaskFlagName = keyof typeof taskFlagSchemas

function humanEvalEntry(language: CodeLanguage) {
  const name = language === 'python' ? 'humaneval' : 'humaneval-js'
  return {
    description:
      language === 'python'
        ? 'Python functions to complete, checked by tests, read from the Hub or a file'
        : 'JavaScript or TypeScript functions to complete, checked by tests, read from a file',
    options: { ...readOptions, ...programOptions },
    load: (options: TaskOptions) => humanEval({ ...withData(name, options), language }),
    problemOfRow: (row: Readonly<Record<string, unknown>>, id: string, options: TaskOptions) =>
      codeProblem(row, id, options.reasoningFormat ?? 'code', language, options),
  }
}

/** The options of a task that is read, which has no use for a seed. */
function withData<T extends TaskOptions>(name: string, options: T): T & { data: string } {
  const { data } = options
  if (data !== undefined) return { ...options, data }
  throw new ConfigError(
    `task ${name} needs data: a file (${rowFileTypes.join(', ')}), or a folder that holds one named by the split, as train.jsonl`,
  )
}

function answerOfRow(row: Readonly<Record<string, unknown>>, id: string, grader?: Grader): Problem | string {
  const answer = textColumn(row, 'answer')
  if (answer.trim() === '') return 'has no answer'
  return { id, question: textColumn(row, 'question'), answer, ...(grader && { grader }) }
}
