import { crc32 } from 'node:zlib'
import { ConfigError } from '../../errors.js'
import { checkCount } from '../checkCount.js'
import { questionPrompt } from '../questionPrompt.js'
import type { Problem, Split, Task } from '../task.js'
import { Draw } from './draw.js'
import { drawStory } from './story.js'
import type { Calculation, StorySize } from './story.js'

/**
 * `standard`: one to three calculations, sums to 40, products to 60. Of the harder ones, `unseen-wording` tells the same in
 * other words, `longer` takes one calculation more, `larger` has sums to 80.
 */
export type WordProblemVariant = 'standard' | 'unseen-wording' | 'longer' | 'larger'

const LENGTHS = { 1: 0.35, 2: 0.4, 3: 0.25 }
const SIZES: Readonly<Record<WordProblemVariant, StorySize>> = {
  standard: { largestSum: 40, largestProduct: 60, lengths: LENGTHS },
  'unseen-wording': { largestSum: 40, largestProduct: 60, lengths: LENGTHS },
  longer: { largestSum: 40, largestProduct: 60, lengths: { 4: 1 } },
  larger: { largestSum: 80, largestProduct: 60, lengths: LENGTHS },
}

export const wordProblemVariants = Object.keys(SIZES) as readonly WordProblemVariant[]

/** A generated problem with the calculations that solve it. */
export interface WordProblem extends Problem {
  readonly calculations: readonly Calculation[]
}

export interface WordProblemTask extends Task {
  readonly problems: readonly WordProblem[]
}

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
}

/**
 * Generated word problems in GSM8K's style, of one to three small calculations, all different.
 *
 * A checksum of a problem's calculations puts a tenth of them into the test split, whatever the wording: none of its chains of
 * calculations is ever trained on.
 * @throws ConfigError when an option is out of range
 */
export function wordProblems(options: WordProblemOptions = {}): WordProblemTask {
  const { split = 'train', seed = 0, systemPrompt = null, variant = 'standard' } = options
  const limit = options.limit ?? (split === 'train' ? 2000 : 500)
  checkCount('limit', limit, 1)
  checkCount('seed', seed, 0)
  if (!wordProblemVariants.includes(variant)) {
    throw new ConfigError(`variant is '${variant}'; it must be one of ${wordProblemVariants.join(', ')}`)
  }
  const draw = new Draw(crc32(`${variant}/${split}/${seed}`))
  const problems = new Map<string, WordProblem>()
  // There are millions of texts; still, no limit may keep this busy for ever.
  for (let tries = 0; problems.size < limit; tries++) {
    if (tries > 100 * limit + 10_000) {
      throw new ConfigError(`word problems of variant ${variant}: there are not ${limit} different ones; lower limit`)
    }
    const problem = drawWordProblem(draw, variant, split)
    problems.set(problem.question, problem)
  }
  return {
    name: 'word-problems',
    problems: [...problems.values()],
    systemPrompt,
    prompt: (problem, tokenizer) => questionPrompt(problem.question, [], systemPrompt, tokenizer),
  }
}

/** Makes up one problem of a split. */
export function drawWordProblem(draw: Draw, variant: WordProblemVariant, split: Split): WordProblem {
  for (;;) {
    const { text, calculations } = drawStory(draw, SIZES[variant], variant === 'unseen-wording' ? 'unseen' : 'usual')
    if (isHeldOut(calculations) !== (split === 'test')) continue
    const answer = String(calculations.at(-1)!.result)
    return {
      id: `word-problems/${variant}/${chainOf(calculations)}/${crc32(text).toString(16)}`,
      question: text,
      answer,
      solution: `${calculations.map((calculation) => `${formatCalculation(calculation)}\n`).join('')}#### ${answer}`,
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
