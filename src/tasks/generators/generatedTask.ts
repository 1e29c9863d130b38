import { createHash } from 'node:crypto'
import { crc32 } from 'node:zlib'
import { ConfigError } from '../../errors.js'
import { checkCount } from '../checkCount.js'
import { difficultyRange } from '../difficulty.js'
import type { Difficulty } from '../difficulty.js'
import { isHeldOut } from '../heldOut.js'
import { questionPrompt } from '../questionPrompt.js'
import { answerFormRules } from '../../grading/answerForm.js'
import type { AnswerForm } from '../../grading/answerForm.js'
import type { Grader, Problem } from '../../grading/problem.js'
import type { Split, Task } from '../task.js'
import { Random } from './random.js'

/** Options of every task that is generated. */
export interface GeneratorOptions {
  /** Defaults to `train`. */
  split?: Split
  /** Number of problems. Defaults to 1000 of `train`, 200 of `test`. */
  limit?: number
  /** Which problems are made up, from 0 to 2^32 − 1; the first ones are the same whatever `limit` is. Defaults to 0. */
  seed?: number
  /** A level, or the lowest and the highest one, each drawn equally often. Defaults to the task's own. */
  difficulty?: Difficulty
  /** Number of worked examples before each question, the same for every seed; they are not among the problems. Defaults to 0. */
  shots?: number
  /** The system message of a chat; null for none. Defaults to one that says what to do and how to mark the answer. */
  systemPrompt?: string | null
  /** Form of the solutions, and what the system prompt asks for. Defaults to `gsm8k`. */
  reasoningFormat?: AnswerForm
}

/** A problem as a generator makes it up. */
export interface DrawnProblem {
  /**
   * What makes it this problem, whatever it is told as, e.g. its numbers. Problems of the same key are all in the same split.
   */
  readonly key: string
  readonly question: string
  readonly answer: string
  /** Worked steps, without the final answer. */
  readonly steps: string
  readonly columns?: Readonly<Record<string, unknown>>
}

/** A kind of problems that can be made up without end. */
export interface ProblemGenerator {
  readonly name: string
  /** What a problem of the task asks for; opens the system prompt. */
  readonly instruction: string
  /** What stands in the answer's place in the system prompt, e.g. `number`. */
  readonly answerHint: string
  readonly easiest: number
  readonly hardest: number
  readonly defaultDifficulty: readonly [number, number]
  readonly grader?: Grader
  /** How an answer stands in a solution of a form, e.g. as a code block. Defaults to the answer itself. */
  written?(answer: string, form: AnswerForm): string
  draw(random: Random, difficulty: number): DrawnProblem
}

/**
 * Makes up the problems of a task, all different. A checksum of a problem's key decides on its split, so no problem of the
 * test split is in the training split of any seed, difficulty or wording.
 *
 * Throws a {@link ConfigError} when an option is out of range or there are not so many different problems.
 */
export function generatedTask(generator: ProblemGenerator, options: GeneratorOptions): Task {
  const { split = 'train', seed = 0, shots = 0, reasoningFormat = 'gsm8k' } = options
  const limit = options.limit ?? (split === 'train' ? 1000 : 200)
  checkCount('limit', limit, 1)
  checkCount('shots', shots, 0)
  checkCount('seed', seed, 0)
  const levels = difficultyRange(options.difficulty ?? generator.defaultDifficulty)
  if (levels[0] < generator.easiest || levels[1] > generator.hardest) {
    throw new ConfigError(
      `difficulty of ${generator.name} is ${levels.join(' to ')}; it must be from ${generator.easiest} to ${generator.hardest}`,
    )
  }
  const settings = { generator, levels, reasoningFormat }
  const examples = drawProblems({ ...settings, split: 'train', limit: shots, seed: 'examples', excluded: [] })
  const problems = drawProblems({ ...settings, split, limit, seed: String(seed), excluded: examples })
  const { instruction, answerHint } = generator
  const systemPrompt =
    options.systemPrompt === undefined
      ? `${instruction} ${answerFormRules[reasoningFormat].instruction(answerHint)}`
      : options.systemPrompt
  return {
    name: generator.name,
    problems,
    systemPrompt,
    prompt: (problem, tokenizer) => questionPrompt(problem, examples, systemPrompt, tokenizer),
  }
}

interface DrawOptions {
  readonly generator: ProblemGenerator
  readonly levels: readonly [number, number]
  readonly reasoningFormat: AnswerForm
  readonly split: Split
  readonly limit: number
  readonly seed: string
  readonly excluded: readonly Problem[]
}

function drawProblems({ generator, levels, split, limit, seed, excluded, reasoningFormat }: DrawOptions): Problem[] {
  const { name, grader } = generator
  const random = new Random(crc32(`${name}/${split}/${seed}`))
  const problems: Problem[] = []
  const questions = new Set(excluded.map(({ question }) => question))
  let triesInVain = 0
  while (problems.length < limit) {
    if (triesInVain > 5000) {
      throw new ConfigError(
        `${name} has only about ${problems.length} different ${split} problems of difficulty ${levels.join(' to ')}, ` +
          `not ${limit}; lower limit or widen difficulty`,
      )
    }
    const difficulty = random.int(...levels)
    const drawn = generator.draw(random, difficulty)
    triesInVain++
    if (isHeldOut(`${name}/${drawn.key}`) !== (split === 'test') || questions.has(drawn.question)) continue
    triesInVain = 0
    questions.add(drawn.question)
    problems.push({
      id: `${name}/${createHash('sha256').update(drawn.question).digest('hex').slice(0, 12)}`,
      question: drawn.question,
      answer: drawn.answer,
      solution: answerFormRules[reasoningFormat].write(
        drawn.steps,
        generator.written?.(drawn.answer, reasoningFormat) ?? drawn.answer,
      ),
      difficulty,
      answerForm: reasoningFormat,
      ...(drawn.columns && { columns: drawn.columns }),
      ...(grader && { grader }),
    })
  }
  return problems
}
