import { codeGrader } from '../../grading/code/codeGrader.js'
import type { CodeLimits } from '../../sandbox/codeRun.js'
import { codeForm } from '../humanEval.js'
import type { Task } from '../task.js'
import { generatedTask } from './generatedTask.js'
import type { GeneratorOptions, ProblemGenerator } from './generatedTask.js'
import { applied, argument, drawOperations, resultOf } from './smallPrograms/operations.js'
import type { Operation } from './smallPrograms/operations.js'
import { programQuestion } from './smallPrograms/wording.js'
import type { Draw } from './wordProblems/draw.js'

/** Options of task small-programs: those of every task that is generated, and the limits of a program. */
export interface SmallProgramOptions extends GeneratorOptions, Partial<CodeLimits> {}

/**
 * Programs in JavaScript: `Write a function f that takes x, doubles it and then takes away 3.` Difficulty d has d operations.
 * A program is graded by tests that it is not shown, in the sandbox. Problems of the same function are all in the same split.
 * Small enough for the embedded model, which knows no system message: `systemPrompt` defaults to null. A form that has no room
 * for a program stands for `code`.
 */
export function smallPrograms(options: SmallProgramOptions = {}): Task {
  const { timeLimit, memoryLimit, ...rest } = options
  const limits = { ...(timeLimit !== undefined && { timeLimit }), ...(memoryLimit !== undefined && { memoryLimit }) }
  return generatedTask(
    { ...smallProgramsGenerator, grader: codeGrader(limits) },
    { systemPrompt: null, ...rest, reasoningFormat: codeForm(options.reasoningFormat ?? 'code') },
  )
}

/** A program that is asked for. */
export interface SmallProgram {
  /** What makes it this problem: the function's values. */
  readonly key: string
  readonly question: string
  readonly operations: readonly Operation[]
}

/** Arguments of the tests: more than two polynomials of eight degrees could agree on. */
const ARGUMENTS = [-9, -4, -1, 0, 0.5, 1, 2, 3, 7, 12]

export const smallProgramsGenerator: ProblemGenerator = {
  name: 'small-programs',
  instruction: 'Write the function that is asked for in JavaScript.',
  answerHint: 'whole function',
  easiest: 1,
  hardest: 3,
  defaultDifficulty: [1, 3],
  written: (answer, form) => (form === 'bare' ? answer : codeBlock(answer)),
  draw(random, difficulty) {
    const { key, question, operations } = drawProgramProblem(random, difficulty)
    const steps = programSteps(operations)
    return {
      key,
      question,
      answer: programOf(steps.at(-1)!),
      steps: steps.map((step) => `${step}.`).join('\n'),
      columns: { language: 'javascript', prompt: '', tests: testsOf(operations), entry_point: 'f' },
    }
  },
}

/** Makes a program up, of any split. */
export function drawProgramProblem(draw: Draw, difficulty: number): SmallProgram {
  const operations = drawOperations(draw, difficulty)
  return {
    key: ARGUMENTS.map((x) => resultOf(operations, x)).join(' '),
    question: programQuestion(draw, operations),
    operations,
  }
}

/** The expression after each operation: `x * 2`, `x * 2 - 3` */
export function programSteps(operations: readonly Operation[]): string[] {
  let expression = argument
  return operations.map((operation) => {
    expression = applied(expression, operation)
    return expression.text
  })
}

/** The function that returns an expression. */
export function programOf(expression: string): string {
  return `function f(x) { return ${expression} }`
}

/** A program as an answer gives it. */
export function codeBlock(program: string): string {
  return `\`\`\`javascript\n${program}\n\`\`\``
}

function testsOf(operations: readonly Operation[]): string {
  const cases = ARGUMENTS.map((x) => [x, resultOf(operations, x)])
  return [
    `for (const [x, expected] of ${JSON.stringify(cases)}) {`,
    '  const result = f(x)',
    '  if (result !== expected) throw new Error(`f(${x}) is ${result}, expected ${expected}`)',
    '}',
  ].join('\n')
}
