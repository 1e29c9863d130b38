import { z } from 'zod'
import { crc32 } from 'node:zlib'
import { ConfigError } from '../../../errors.js'
import { answerFormRules } from '../../../grading/answerForm.js'
import { checkCount } from '../../checkCount.js'
import { difficultyRange } from '../../difficulty.js'
import type { Difficulty } from '../../difficulty.js'
import { questionPrompt } from '../../questionPrompt.js'
import type { Problem } from '../../../grading/problem.js'
import type { Split, Task } from '../../task.js'
import { Draw } from './draw.js'
import { drawStory } from './story.js'
import type { Calculation, StorySize } from './story.js'

/**
 * `standard`: one to three calculations, sums to 40, products to 60. Of the harder ones, `unseen-wording` tells the same in
 * other words, `longer` takes one calculation more, `larger` has sums to 80. `smaller` is easier: sums to 20, products to 30,
 * and one thing happens after another.
 */
export type WordProblemVariant = (typeof wordProblemVariants)[number]

/** The names of the variants. */
export const wordProblemVariants = ['standard', 'unseen-wording', 'longer', 'larger', 'smaller'] as const

const USUAL = { largestSum: 40, largestProduct: 60, lengths: { 1: 0.35, 2: 0.4, 3: 0.25 }, relations: 0.4 }
const SIZES: Readonly<Record<WordProblemVariant, StorySize>> = {
  standard: USUAL,
  'unseen-wording': USUAL,
  longer: { ...USUAL, lengths: { 4: 1 } },
  larger: { ...USUAL, largestSum: 80 },
  smaller: { ...USUAL, largestSum: 20, largestProduct: 30, relations: 0 },
}

/** A generated problem with the calculations that solve it. */
export interface WordProblem extends Problem {
  /** The calculations that solve it, in order. */
  readonly calculations: readonly Calculation[]
}

/** A task of word problems. */
export interface WordProblemTask extends Task {
  /** The problems, with the calculations that solve them. */
  readonly problems: readonly WordProblem[]
}

/** What task word-problems takes besides the options of every task. */
export const wordProblemOptions = {
  variant: z.enum(wordProblemVariants).describe('Which problems task word-problems makes up. Defaults to standard.'),
}

/** Which word problems are made up, and how they are asked. */
export interface WordProblemOptions {
  /** Defaults to `train`. */
  split?: Split
  /** Number of problems. Defaults to 2000 of `train`, 500 of `test`. */
  limit?: number
  /** Which problems are made up, from 0 to 2^32 − 1. Defaults to 0. */
  seed?: number
  /** The system message of a chat; null for none. Defaults to null. */
  systemPrompt?: string | null
  /** Defaults to `standard`. */
  variant?: WordProblemVariant
  /** Number of calculations, or the lowest and the highest one. Defaults to all that the variant has. */
  difficulty?: Difficulty
  /** Number of worked examples before each question, the same for every seed; they are not among the problems. Defaults to 0. */
  shots?: number
}

/**
 * Generated word problems in GSM8K's style, of one to three small calculations, all different.
 *
 * A checksum of a problem's calculations puts a tenth of them into the test split, whatever the wording: none of its chains of
 * calculations is ever trained on.
 * @throws ConfigError when an option is out of range
 */
export function wordProblems(options: WordProblemOptions = {}): WordProblemTask {
  const { split = 'train', seed = 0, systemPrompt = null, variant = 'standard', shots = 0 } = options
  const limit = options.limit ?? (split === 'train' ? 2000 : 500)
  checkCount('limit', limit, 1)
  checkCount('seed', seed, 0)
  checkCount('shots', shots, 0)
  if (!wordProblemVariants.includes(variant)) {
    throw new ConfigError(`variant is '${variant}'; it must be one of ${wordProblemVariants.join(', ')}`)
  }
  const size = { ...SIZES[variant], lengths: lengthsWithin(variant, options.difficulty) }
  const settings = { variant, size }
  const examples = drawProblems({ ...settings, split: 'train', limit: shots, seed: 'examples', excluded: [] })
  return {
    name: 'word-problems',
    problems: drawProblems({ ...settings, split, limit, seed: String(seed), excluded: examples }),
    systemPrompt,
    prompt: (problem, tokenizer) => questionPrompt(problem, examples, systemPrompt, tokenizer),
  }
}

/** The numbers of calculations of a variant that are of a difficulty, with their weights. */
function lengthsWithin(variant: WordProblemVariant, difficulty: Difficulty | undefined): StorySize['lengths'] {
  const { lengths } = SIZES[variant]
  if (difficulty === undefined) return lengths
  const [lowest, highest] = difficultyRange(difficulty)
  const suitable = Object.entries(lengths).filter(([length]) => Number(length) >= lowest && Number(length) <= highest)
  if (suitable.length > 0) return Object.fromEntries(suitable)
  throw new ConfigError(
    `difficulty of word problems of variant ${variant} is ${lowest} to ${highest}; ` +
      `it has problems of difficulty ${Object.keys(lengths).join(', ')}`,
  )
}

interface DrawOptions {
  readonly variant: WordProblemVariant
  readonly size: StorySize
  readonly split: Split
  readonly limit: number
  readonly seed: string
  readonly excluded: readonly WordProblem[]
}

/** Different problems, none of them among `excluded`. Throws a ConfigError when there are not so many. */
function drawProblems({ variant, size, split, limit, seed, excluded }: DrawOptions): WordProblem[] {
  const draw = new Draw(crc32(`${variant}/${split}/${seed}`))
  const problems = new Map<string, WordProblem>()
  // There are millions of texts; still, no limit may keep this busy for ever.
  for (let tries = 0; problems.size < limit; tries++) {
    if (tries > 100 * limit + 10_000) {
      throw new ConfigError(`word problems of variant ${variant}: there are not ${limit} different ones; lower limit`)
    }
    const problem = drawWordProblem(draw, variant, split, size)
    if (excluded.some(({ question }) => question === problem.question)) continue
    problems.set(problem.question, problem)
  }
  return [...problems.values()]
}

/** Makes up one problem of a split. */
export function drawWordProblem(
  draw: Draw,
  variant: WordProblemVariant,
  split: Split,
  size: StorySize = SIZES[variant],
): WordProblem {
  for (;;) {
    const { text, calculations } = drawStory(draw, size, variant === 'unseen-wording' ? 'unseen' : 'usual')
    if (isHeldOut(calculations) !== (split === 'test')) continue
    const answer = String(calculations.at(-1)!.result)
    return {
      id: `word-problems/${variant}/${chainOf(calculations)}/${crc32(text).toString(16)}`,
      question: text,
      answer,
      answerForm: 'gsm8k',
      solution: answerFormRules.gsm8k.write(calculations.map((each) => formatCalculation(each)).join('\n'), answer),
      difficulty: calculations.length,
      calculations,
    }
  }
}

/** Whether a chain of calculations belongs to the test split, whatever it is told as. */
export function isHeldOut(calculations: readonly Calculation[]): boolean {
  return crc32(chainOf(calculations)) % 10 === 0
}

/** `12+7;19-4` */
function chainOf(calculations: readonly Calculation[]): string {
  return calculations.map(({ left, operator, right }) => `${left}${operator}${right}`).join(';')
}

/** `12 + 7 = 19`, or with another result than the right one. */
export function formatCalculation({ left, operator, right, result }: Calculation, shown = result): string {
  return `${left} ${operator} ${right} = ${shown}`
}
