import { z } from 'zod'
import { crc32 } from 'node:zlib'
import { uniformInt } from 'pure-rand/distribution/uniformInt'
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus'
import { ConfigError } from '../../errors.js'
import { answerFormRules } from '../../grading/answerForm.js'
import { checkCount } from '../checkCount.js'
import { plainPrompt, questionPrompt } from '../questionPrompt.js'
import type { Problem } from '../../grading/problem.js'
import type { Split, Task } from '../task.js'

/** Ways to ask for a sum of two numbers, forwards and backwards. */
export const sumsOperations = ['add', 'subtract'] as const
export type SumsOperation = (typeof sumsOperations)[number]

/** What task sums takes besides the options of every task. */
export const sumsOptions = {
  operations: z.array(z.enum(sumsOperations)).min(1).describe('What task sums asks. Defaults to add.'),
  minOperand: z.int().positive().describe('Smallest operand of task sums. Defaults to 1.'),
  maxOperand: z.int().positive().describe('Largest first operand of task sums. Defaults to 49.'),
  bare: z.boolean().describe('Task sums asks 37+6=, to be completed by the number alone. Defaults to false.'),
}

export interface SumsOptions {
  /** Defaults to `train`. */
  split?: Split
  /** Takes the first problems only, after shuffling. Defaults to all. */
  limit?: number
  /** Order of the problems, and so which ones `limit` takes; ids and examples do not depend on it. Defaults to 0. */
  seed?: number
  /**
   * Number of worked examples before each question, training problems that are not among the problems. Defaults to 1,
   * or to 0 if `bare`: without an example a small chat model hardly ever writes `####`.
   */
  shots?: number
  /** The system message of a chat; null for none. Defaults to null. */
  systemPrompt?: string | null
  /** Largest first operand; the second one has a single digit and is not larger either. Defaults to 49. */
  maxOperand?: number
  /** Smallest of either operand. Defaults to 1. */
  minOperand?: number
  /**
   * What to ask: `add`, `subtract` or both. Each sum has its difference, which takes the second operand away again:
   * `What is 43 - 6?` belongs to 37 + 6. Defaults to `['add']`.
   */
  operations?: readonly SumsOperation[]
  /**
   * Asks `37+6=` as plain text, to be completed by the number alone, which also a tiny model of random weights can learn.
   * Defaults to false: `What is 37 + 6?`, answered by `#### 43`.
   */
  bare?: boolean
}

/**
 * Small sums, and on request differences, all different. A checksum of the unordered operands puts about a fifth of them
 * into the test split, so that no sum of the test split is ever trained on, neither the other way round nor as a difference,
 * whatever the options.
 *
 * Throws a {@link ConfigError} when an option is out of range or leaves no problem.
 */
export function sums(options: SumsOptions = {}): Task {
  const { split = 'train', seed = 0, systemPrompt = null, bare = false } = options
  const { minOperand = 1, maxOperand = 49, operations = ['add'] } = options
  const shots = options.shots ?? (bare ? 0 : 1)
  if (options.limit !== undefined) checkCount('limit', options.limit, 1)
  checkCount('shots', shots, 0)
  checkCount('minOperand', minOperand, 1)
  checkCount('maxOperand', maxOperand, minOperand)
  if (maxOperand > 9999) throw new ConfigError(`maxOperand is ${maxOperand}; it must be at most 9999`)
  checkOperations(operations)

  const sums = allSums(minOperand, maxOperand)
  const ask = (sum: Sum): Problem[] =>
    sumsOperations.filter((name) => operations.includes(name)).map((operation) => problemOf(sum, operation, bare))
  const training = sums.filter((sum) => !isHeldOut(sum)).flatMap(ask)
  // The order of the checksums mixes small and large operands without depending on the seed.
  const examples = training.toSorted((a, b) => crc32(a.id) - crc32(b.id)).slice(0, shots)
  const problems =
    split === 'train' ? training.filter((problem) => !examples.includes(problem)) : sums.filter(isHeldOut).flatMap(ask)
  if (examples.length < shots || problems.length === 0) {
    throw new ConfigError(
      `sums of ${minOperand} to ${maxOperand} with ${shots} shots leave no ${split} problem; raise maxOperand, or lower minOperand`,
    )
  }
  shuffle(problems, seed)
  return {
    name: 'sums',
    problems: problems.slice(0, options.limit),
    systemPrompt,
    prompt: (problem, tokenizer) =>
      bare
        ? plainPrompt(examples.map((shot) => `${shot.question}${shot.answer}\n`).join('') + problem.question, tokenizer)
        : questionPrompt(problem, examples, systemPrompt, tokenizer),
  }
}

type Sum = readonly [first: number, second: number]

function checkOperations(operations: unknown): void {
  const names: readonly unknown[] = Array.isArray(operations) ? operations : []
  if (names.length > 0 && names.every((name) => sumsOperations.some((known) => known === name))) return
  throw new ConfigError(
    `operations is ${JSON.stringify(operations)}; it must be a list of ${sumsOperations.join(', ')}, or of both`,
  )
}

function allSums(least: number, most: number): Sum[] {
  const sums: Sum[] = []
  for (let first = least; first <= most; first++) {
    for (let second = least; second <= Math.min(9, most); second++) sums.push([first, second])
  }
  return sums
}

function isHeldOut([first, second]: Sum): boolean {
  return crc32(`${Math.min(first, second)}+${Math.max(first, second)}`) % 5 === 0
}

function problemOf([first, second]: Sum, operation: SumsOperation, bare: boolean): Problem {
  const sum = first + second
  const [left, operator, answer] = operation === 'add' ? [first, '+', String(sum)] : [sum, '-', String(first)]
  const id = `sums/${left}${operator}${second}`
  const difficulty = String(left).length
  if (bare) {
    return { id, question: `${left}${operator}${second}=`, answer, solution: answer, difficulty, answerForm: 'bare' }
  }
  const solution = answerFormRules.gsm8k.write(`${left} ${operator} ${second} = ${answer}`, answer)
  return { id, question: `What is ${left} ${operator} ${second}?`, answer, solution, difficulty, answerForm: 'gsm8k' }
}

/** Fisher-Yates, in place. */
function shuffle(items: unknown[], seed: number): void {
  const random = xoroshiro128plus(seed)
  for (let last = items.length - 1; last > 0; last--) {
    const other = uniformInt(random, 0, last)
    ;[items[last], items[other]] = [items[other], items[last]]
  }
}
