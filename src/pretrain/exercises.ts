import {
  codeBlock,
  drawProgramProblem,
  programOf,
  programSteps,
  smallProgramsGenerator,
} from '../tasks/generators/smallPrograms.js'
import { applied, argument, needsParentheses } from '../tasks/generators/smallPrograms/operations.js'
import type { Expression, Operation } from '../tasks/generators/smallPrograms/operations.js'
import { drawOrderingProblem, orderingSteps, orderingsGenerator } from '../tasks/generators/orderings.js'
import type { Draw } from '../tasks/generators/wordProblems/draw.js'
import { isHeldOut } from '../tasks/heldOut.js'
import type { Split } from '../tasks/task.js'
import { STEP_WORDS } from './answers.js'
import type { AnswerStyle, SlipRates } from './answers.js'

/** The thinking of somebody who solves an exercise, and the last part of the answer. */
export interface Attempt {
  /** Each without a full stop. */
  readonly steps: readonly string[]
  /** `#### Anna`, or a code block. */
  readonly answer: string
}

/** A problem that is no word problem, with ways to solve it right and wrong. */
export interface Exercise extends Attempt {
  readonly question: string
  /** A wrong answer such as people give at once. */
  slip(): string
  /** The attempt of somebody who makes a slip at some of the steps and carries it on. */
  withSlips(isSlipped: readonly boolean[]): Attempt
}

/** How often exercises have each number of statements or operations. */
const ORDERING_LENGTHS = { 2: 0.65, 3: 0.35 }
const PROGRAM_LENGTHS = { 1: 0.25, 2: 0.45, 3: 0.3 }

/** Makes up a problem of task orderings, of a split. */
export function drawOrdering(draw: Draw, split: Split): Exercise {
  const { question, people, asked } = drawOfSplit(orderingsGenerator.name, split, () =>
    drawOrderingProblem(draw, Number(draw.weighted(ORDERING_LENGTHS))),
  )
  const withSlips = (isSlipped: readonly boolean[]): Attempt => {
    let order = people
    const pairs = people.slice(1).map((lower, i) => {
      const isWrong = isSlipped[i] === true
      if (isWrong) order = swapped(order, i, i + 1)
      return isWrong ? `${lower} > ${people[i]!}` : `${people[i]!} > ${lower}`
    })
    if (isSlipped[people.length - 1] === true) {
      order = swapped(order, asked, draw.pick([...people.keys()].filter((i) => i !== asked)))
    }
    return { steps: [...pairs, order.join(' > ')], answer: `#### ${order[asked]!}` }
  }
  return {
    question,
    steps: orderingSteps(people),
    answer: `#### ${people[asked]!}`,
    slip: () => withSlips(people.map((_, i) => i === people.length - 1)).answer,
    withSlips,
  }
}

/** Makes up a problem of task small-programs, of a split. */
export function drawSmallProgram(draw: Draw, split: Split): Exercise {
  const { question, operations } = drawOfSplit(smallProgramsGenerator.name, split, () =>
    drawProgramProblem(draw, Number(draw.weighted(PROGRAM_LENGTHS))),
  )
  const steps = programSteps(operations)
  const withSlips = (isSlipped: readonly boolean[]): Attempt => {
    let expression = argument
    const written = operations.map((operation, i) => {
      expression = isSlipped[i] === true ? wronglyApplied(draw, expression, operation) : applied(expression, operation)
      return expression.text
    })
    return { steps: written, answer: codeBlock(programOf(expression.text)) }
  }
  return {
    question,
    steps,
    answer: codeBlock(programOf(steps.at(-1)!)),
    slip() {
      const step = draw.int(0, operations.length - 1)
      return withSlips(operations.map((_, i) => i === step)).answer
    },
    withSlips,
  }
}

/** Writes an answer to an exercise as somebody would who answers in this style and makes slips. */
export function writeExercise(draw: Draw, exercise: Exercise, style: AnswerStyle, slipRates: SlipRates): string {
  const slips = (): boolean => draw.chance(slipRates[style])
  if (style === 'answer') return slips() ? exercise.slip() : exercise.answer
  const isSlipped = exercise.steps.map(slips)
  if (style === 'checked') {
    const written = exercise.steps.flatMap((step, i) => {
      const shown = isSlipped[i] === true ? exercise.withSlips(isSlipped.map((_, j) => j === i)).steps[i]! : step
      const check = `Check: ${step}.`
      return [begun(i, shown), shown === step ? check : `${check} Wait, it is ${step}.`]
    })
    return thought(written, exercise.answer)
  }
  const { steps, answer } = exercise.withSlips(isSlipped)
  return style === 'calculation'
    ? `${steps.join(', ')}\n${answer}`
    : thought(
        steps.map((step, i) => begun(i, step)),
        answer,
      )
}

function begun(index: number, step: string): string {
  return `${STEP_WORDS[Math.min(index, STEP_WORDS.length - 1)]!}: ${step}.`
}

function thought(steps: readonly string[], answer: string): string {
  return `<think>\n${steps.join('\n')}\n</think>\n${answer}`
}

/** The first problem of a split, by the same rule as in the task itself. */
function drawOfSplit<T extends { readonly key: string }>(name: string, split: Split, draw: () => T): T {
  for (;;) {
    const drawn = draw()
    if (isHeldOut(`${name}/${drawn.key}`) === (split === 'test')) return drawn
  }
}

function swapped<T>(items: readonly T[], first: number, second: number): T[] {
  return items.map((item, i) => (i === first ? items[second]! : i === second ? items[first]! : item))
}

/** An operation with a wrong number or sign, or without the parentheses that it needs. */
function wronglyApplied(draw: Draw, expression: Expression, operation: Operation): Expression {
  const { kind, number } = operation
  const slip = draw.weighted({
    parentheses: needsParentheses(expression, kind) ? 2 : 0,
    number: kind === 'square' ? 0 : 1,
    sign: 1,
  })
  switch (slip) {
    case 'parentheses':
      return applied(expression, operation, { withParentheses: false })
    case 'number':
      return applied(expression, { kind, number: number + (number > 2 ? draw.pick([-1, 1]) : 1) })
    case 'sign':
      return applied(expression, { kind: draw.pick(MISTAKEN[kind]), number: kind === 'square' ? 2 : number })
  }
}

/** What is mistaken for an operation; neither of them does the same with any number. */
const MISTAKEN = {
  add: ['subtract', 'multiply'],
  subtract: ['add'],
  multiply: ['add'],
  square: ['multiply'],
} as const satisfies Record<Operation['kind'], readonly Operation['kind'][]>
