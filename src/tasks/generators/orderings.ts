import { exactGrader } from '../../grading/exact.js'
import type { Task } from '../task.js'
import { generatedTask } from './generatedTask.js'
import type { GeneratorOptions, ProblemGenerator } from './generatedTask.js'
import { shuffle } from './random.js'
import type { Draw } from './wordProblems/draw.js'
import { NAMES } from './wordProblems/story.js'

/**
 * Deductions: `Anna is older than Ben. Max is younger than Ben. Who is the oldest?` (Anna). Difficulty d has d statements about
 * d + 1 people, in any order and either direction. The same people are all in the same split. Small enough for the embedded
 * model, which knows no system message: `systemPrompt` defaults to null.
 */
export function orderings(options: GeneratorOptions = {}): Task {
  return generatedTask(orderingsGenerator, { systemPrompt: null, ...options })
}

/** People in an order, and a question for one of them. */
export interface Ordering {
  /** What makes it this problem: who there is. */
  readonly key: string
  readonly question: string
  /** The people, e.g. from the oldest to the youngest. */
  readonly people: readonly string[]
  /** Which of them is asked for, from 0. */
  readonly asked: number
}

/** `Anna is older than Ben` is the same as `Ben is younger than Anna`. */
const RELATIONS = [
  { more: 'older', less: 'younger', most: 'oldest', least: 'youngest' },
  { more: 'taller', less: 'shorter', most: 'tallest', least: 'shortest' },
  { more: 'faster', less: 'slower', most: 'fastest', least: 'slowest' },
  { more: 'richer', less: 'poorer', most: 'richest', least: 'poorest' },
  { more: 'heavier', less: 'lighter', most: 'heaviest', least: 'lightest' },
  { more: 'stronger', less: 'weaker', most: 'strongest', least: 'weakest' },
] as const

export const orderingsGenerator: ProblemGenerator = {
  name: 'orderings',
  instruction: 'Find out who is asked for.',
  answerHint: 'name',
  easiest: 1,
  hardest: 3,
  defaultDifficulty: [1, 2],
  grader: exactGrader,
  draw(random, difficulty) {
    const { key, question, people, asked } = drawOrderingProblem(random, difficulty)
    return { key, question, answer: people[asked]!, steps: orderingSteps(people).join('.\n') + '.' }
  },
}

/** Makes an ordering up, of any split. */
export function drawOrderingProblem(draw: Draw, difficulty: number): Ordering {
  const people = shuffle(draw, NAMES).slice(0, difficulty + 1)
  const { more, less, most, least } = draw.pick(RELATIONS)
  const statements = people
    .slice(1)
    .map((lower, i) =>
      draw.chance(0.5) ? `${people[i]!} is ${more} than ${lower}.` : `${lower} is ${less} than ${people[i]!}.`,
    )
  const hasMiddle = people.length % 2 === 1
  const asked = draw.weighted({ first: 0.4, last: 0.4, middle: hasMiddle ? 0.2 : 0 })
  const { words, position } = {
    first: { words: `the ${most}`, position: 0 },
    last: { words: `the ${least}`, position: people.length - 1 },
    middle: { words: 'in the middle', position: (people.length - 1) / 2 },
  }[asked]
  return {
    key: people.toSorted().join('/'),
    question: [...shuffle(draw, statements), `Who is ${words}?`].join(' '),
    people,
    asked: position,
  }
}

/** `Anna > Ben`, `Ben > Max`, `Anna > Ben > Max`; of two people `Anna > Ben` alone. */
export function orderingSteps(people: readonly string[]): string[] {
  const pairs = people.slice(1).map((lower, i) => `${people[i]!} > ${lower}`)
  return pairs.length === 1 ? pairs : [...pairs, people.join(' > ')]
}
