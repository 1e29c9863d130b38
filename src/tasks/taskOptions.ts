import { z } from 'zod'
import { answerForms } from '../grading/answerForm.js'
import type { AnswerForm } from '../grading/answerForm.js'
import type { GraderName } from '../grading/namedGraders.js'
import type { Difficulty } from './difficulty.js'
import type { FileColumns } from './fileTask.js'
import type { SumsOperation } from './generators/sums.js'
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

/** Options that every task takes. */
export const commonOptions = {
  split: z.enum(['train', 'test']).describe('Part of the problems to take.'),
  limit: z.int().positive().describe('Take the first problems only. Defaults to all.'),
  shots: z.int().nonnegative().describe("Worked examples before each question. Defaults to the task's own number."),
  systemPrompt: z.string().describe("System message of a chat; an empty one is none. Defaults to the task's own."),
  seed: z.int().nonnegative().describe('Seed of problems that are made up. Defaults to 0.'),
}

/** Options of tasks whose problems are made up. */
export const generatedOptions = {
  ...commonOptions,
  reasoningFormat: z
    .enum(answerForms)
    .describe(
      'How answers are given: #### 18, <think> and <answer>, \\boxed{18}, a code block, or bare. Defaults to ' +
        "the task's own.",
    ),
  difficulty: z
    .union([
      z.int().nonnegative(),
      z.string().regex(/^\d+(-\d+)?$/, 'expected a number such as 3 or a range such as 2-4'),
    ])
    .describe("Difficulty of the problems, such as 3 or 2-4. Defaults to the task's own, or all that are read."),
}

/** Options of tasks whose problems are read. */
export const readOptions = {
  ...generatedOptions,
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
  onBadRows: z
    .enum(['error', 'skip'])
    .describe(
      'What to do with rows that cannot be used, such as one whose answer no completion can match: error counts and names ' +
        'them, skip leaves them out. Defaults to error.',
    ),
}
