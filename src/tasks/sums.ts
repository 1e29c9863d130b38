import { crc32 } from 'node:zlib'
import { uniformInt } from 'pure-rand/distribution/uniformInt'
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus'
import { ConfigError } from '../errors.js'
import { checkCount } from './checkCount.js'
import { plainPrompt, questionPrompt } from './questionPrompt.js'
import type { Problem, Split, Task } from './task.js'

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
  /**
   * Asks `37+6=` as plain text, to be completed by the number alone, which also a tiny model of random weights can learn.
   * Defaults to false: `What is 37 + 6?`, answered by `#### 43`.
   */
  bare?: boolean
}

/**
 * Small sums, all different. A checksum of the unordered operands puts about a fifth of them into the test split, so that
 * no sum of the test split, whichever way round, is ever trained on, whatever the options.
 *
 * Throws a {@link ConfigError} when an option is out of range or leaves no problem.
 */
export function sums(options: SumsOptions = {}): Task {
  const { split = 'train', seed = 0, systemPrompt = null, maxOperand = 49, bare = false } = options
  const shots = options.shots ?? (bare ? 0 : 1)
  if (options.limit !== undefined) checkCount('limit', options.limit, 1)
  checkCount('shots', shots, 0)
  checkCount('maxOperand', maxOperand, 1)
  if (maxOperand > 9999) throw new ConfigError(`maxOperand is ${maxOperand}; it must be at most 9999`)

  const sums = allSums(maxOperand)
  const training = sums.filter((sum) => !isHeldOut(sum)).map((sum) => problemOf(sum, bare))
  // The order of the checksums mixes small and large operands without depending on the seed.
  const examples = training.toSorted((a, b) => crc32(a.id) - crc32(b.id)).slice(0, shots)
  const problems =
    split === 'train'
      ? training.filter((problem) => !examples.includes(problem))
      : sums.filter(isHeldOut).map((sum) => problemOf(sum, bare))
  if (examples.length < shots || problems.length === 0) {
    throw new ConfigError(
      `sums with maxOperand ${maxOperand} and ${shots} shots leaves no ${split} problem; raise maxOperand`,
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
        : questionPrompt(problem.question, examples, systemPrompt, tokenizer),
  }
}

type Sum = readonly [first: number, second: number]

function allSums(maxOperand: number): Sum[] {
  const sums: Sum[] = []
  for (let first = 1; first <= maxOperand; first++) {
    for (let second = 1; second <= Math.min(9, maxOperand); second++) sums.push([first, second])
  }
  return sums
}

function isHeldOut([first, second]: Sum): boolean {
  return crc32(`${Math.min(first, second)}+${Math.max(first, second)}`) % 5 === 0
}

function problemOf([first, second]: Sum, bare: boolean): Problem {
  const answer = String(first + second)
  const id = `sums/${first}+${second}`
  const difficulty = String(first).length
  if (bare) return { id, question: `${first}+${second}=`, answer, solution: answer, difficulty, answerFormat: 'bare' }
  const solution = `${first} + ${second} = ${answer}\n#### ${answer}`
  return { id, question: `What is ${first} + ${second}?`, answer, solution, difficulty }
}

/** Fisher-Yates, in place. */
function shuffle(items: unknown[], seed: number): void {
  const random = xoroshiro128plus(seed)
  for (let last = items.length - 1; last > 0; last--) {
    const other = uniformInt(random, 0, last)
    ;[items[last], items[other]] = [items[other], items[last]]
  }
}
