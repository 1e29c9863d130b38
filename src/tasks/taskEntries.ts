import { ConfigError } from '../errors.js'
import type { CodeLanguage } from '../sandbox/codeRun.js'
import { arithmetic } from './generators/arithmetic.js'
import { answerColumns, fileTask } from './fileTask.js'
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
import { textColumn } from './rows/columns.js'
import { rowFileTypes } from './rows/readRows.js'
import { sums } from './generators/sums.js'
import type { Grader, Problem } from '../grading/problem.js'
import type { Task } from './task.js'
import type { TaskOptions } from './taskOptions.js'
import { wordProblems } from './generators/wordProblems/wordProblems.js'

/** How a task is loaded by its name. */
export interface TaskEntry {
  /** What its problems are, for a list of tasks. */
  readonly description: string
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
      description: 'grade-school word problems of two to eight steps, read from the Hub or a file',
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
      description: 'competition mathematics with answers in LaTeX, read from the Hub or a file',
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
      description: 'who tells the truth and who lies, made up or read from a file',
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
      description: 'your own problems, from JSON lines, JSON, CSV, TSV or parquet',
      optionNames: [...read, 'questionColumn', 'answerColumn', 'answerPattern', 'solutionColumn', 'grader'],
      load: (options) => fileTask(withData('file', options)),
      problemOfRow: (row, id, { grader = 'math', answerColumn }) => {
        const answer = textColumn(row, ...(answerColumn === undefined ? answerColumns : [answerColumn]))
        const graders = { number: undefined, math: mathGrader, exact: exactGrader, choice: exactGrader }
        return answerOfRow({ ...row, answer }, id, graders[grader])
      },
    },
  ],
  [
    'arithmetic',
    {
      description: "word problems in GSM8K's form, made up",
      optionNames: generated,
      load: arithmetic,
      problemOfRow: (row, id) => answerOfRow(row, id),
    },
  ],
  [
    'word-problems',
    {
      description: 'simpler word problems, as the embedded model knows them, made up',
      optionNames: [...common, 'difficulty', 'variant'],
      load: wordProblems,
      problemOfRow: (row, id) => answerOfRow(row, id),
    },
  ],
  [
    'countdown',
    {
      description: 'reach a number from others by + - * /, made up',
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
      description: 'does the conclusion follow from the premises, made up',
      optionNames: generated,
      load: syllogism,
      problemOfRow: (row, id) => answerOfRow(row, id, choiceGrader(yesOrNo)),
    },
  ],
  [
    'chain-sum',
    {
      description: 'sums of several numbers, made up',
      optionNames: generated,
      load: chainSum,
      problemOfRow: (row, id) => answerOfRow(row, id),
    },
  ],
  [
    'sums',
    {
      description: 'sums and differences of two numbers, made up',
      optionNames: [...common, 'minOperand', 'maxOperand', 'operations', 'bare'],
      load: sums,
      problemOfRow: (row, id) => answerOfRow(row, id),
    },
  ],
])

function humanEvalEntry(language: CodeLanguage): TaskEntry {
  const name = language === 'python' ? 'humaneval' : 'humaneval-js'
  return {
    description:
      language === 'python'
        ? 'Python functions to complete, checked by tests, read from the Hub or a file'
        : 'JavaScript or TypeScript functions to complete, checked by tests, read from a file',
    optionNames: [...read, 'allowPython', 'timeLimit', 'memoryLimit'],
    load: (options) => humanEval({ ...withData(name, options), language }),
    problemOfRow: (row, id, options) => codeProblem(row, id, options.reasoningFormat ?? 'code', language, options),
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
