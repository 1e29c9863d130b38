import { z } from 'zod'
import { answerForms } from '../grading/answerForm.js'
import type { AnswerForm } from '../grading/answerForm.js'
import { graderNames } from '../grading/namedGraders.js'
import type { GraderName } from '../grading/namedGraders.js'
import type { Difficulty } from './difficulty.js'
import type { FileColumns } from './fileTask.js'
import { sumsOperations } from './generators/sums.js'
import type { SumsOperation } from './generators/sums.js'
import { wordProblemVariants } from './generators/wordProblems/wordProblems.js'
import type { WordProblemVariant } from './generators/wordProblems/wordProblems.js'
import type { MalformedRow, Split } from './task.js'

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
  /** What to do with rows that cannot be used: `error`, which counts and names them, or `skip`. Defaults to `error`. */
  onBadRows?: 'error' | 'skip'
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
  /** Called for each malformed row, which is then left out. Defaults to an error that counts and names them. */
  onMalformedRow?: (row: MalformedRow) => void
}

const count = z.int().nonnegative()
const aboveZero = z.int().positive()

/**
 * The options of tasks that a file or a flag can give, but for the seed, which verbs have for more than the task: at once their
 * check, and the help of the flags of every verb that loads a task.
 */
export const taskFlagSchemas = {
  data: z
    .string()
    .min(1)
    .describe(
      'File, folder or Hub id of the problems, for tasks that are read. Defaults to the Hub id of gsm8k, math, humaneval.',
    ),
  encoding: z
    .string()
    .min(1)
    .describe(
      'Encoding of data that is text, such as windows-1252. Defaults to UTF-8, or UTF-16 with a byte order mark.',
    ),
  split: z.enum(['train', 'test']).describe('Part of the problems to take.'),
  limit: aboveZero.describe('Take the first problems only. Defaults to all.'),
  shots: count.describe("Worked examples before each question. Defaults to the task's own number."),
  systemPrompt: z.string().describe("System message of a chat; an empty one is none. Defaults to the task's own."),
  reasoningFormat: z
    .enum(answerForms)
    .describe(
      'How answers are given: #### 18, <think> and <answer>, \\boxed{18}, a code block, or bare. Defaults to ' +
        "the task's own.",
    ),
  difficulty: z
    .union([count, z.string().regex(/^\d+(-\d+)?$/, 'expected a number such as 3 or a range such as 2-4')])
    .describe("Difficulty of the problems, such as 3 or 2-4. Defaults to the task's own, or all that are read."),
  onBadRows: z
    .enum(['error', 'skip'])
    .describe(
      'What to do with rows that cannot be used, such as one whose answer no completion can match: error counts and names ' +
        'them, skip leaves them out. Defaults to error.',
    ),
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
  subjects: z.array(z.string().min(1)).min(1).describe('Subjects of MATH to take, for task math. Defaults to all.'),
  allowPython: z
    .boolean()
    .describe('Allow to run Python programs that the model writes (docs/sandbox.md). Defaults to false.'),
  timeLimit: aboveZero.describe('Time for a program and its tests, in ms, for tasks of programs. Defaults to 5000.'),
  memoryLimit: aboveZero.describe('Memory of a program, in MiB, for tasks of programs. Defaults to 256.'),
  variant: z.enum(wordProblemVariants).describe('Which problems task word-problems makes up. Defaults to standard.'),
  operations: z.array(z.enum(sumsOperations)).min(1).describe('What task sums asks. Defaults to add.'),
  minOperand: aboveZero.describe('Smallest operand of task sums. Defaults to 1.'),
  maxOperand: aboveZero.describe('Largest first operand of task sums. Defaults to 49.'),
  bare: z.boolean().describe('Task sums asks 37+6=, to be completed by the number alone. Defaults to false.'),
} as const satisfies { readonly [Name in keyof Omit<TaskOptions, 'seed' | 'onMalformedRow'>]-?: z.ZodType }

/** All options of tasks that are no functions. */
export const taskOptionSchemas = {
  ...taskFlagSchemas,
  seed: count.describe('Seed of problems that are made up. Defaults to 0.'),
} as const

/** The name of an option of a task that a flag can give. */
export type TaskFlagName = keyof typeof taskFlagSchemas
