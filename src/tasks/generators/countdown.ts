import { DataError } from '../../errors.js'
import { evaluateExpression } from '../../grading/expression.js'
import { withoutEcho } from '../../grading/answerExtraction.js'
import { formsOf, markedAnswer } from '../../grading/answerForm.js'
import type { Grade, Problem } from '../../grading/problem.js'
import type { Task } from '../task.js'
import { generatedTask } from './generatedTask.js'
import type { GeneratorOptions, ProblemGenerator } from './generatedTask.js'
import type { Random } from './random.js'

/**
 * The numbers game Countdown: write an expression of given numbers, each exactly once, that equals a target. The target is
 * worked out from the numbers, so every problem can be solved, and the solution is the gold answer; every other right
 * expression counts as well. The difficulty is how many numbers there are.
 */
export function countdown(options: GeneratorOptions = {}): Task {
  return generatedTask(generator, options)
}

const LARGEST_TARGET = 999

const generator: ProblemGenerator = {
  name: 'countdown',
  instruction: 'Solve the number puzzle.',
  answerHint: 'expression',
  easiest: 2,
  hardest: 6,
  defaultDifficulty: [3, 4],
  grader: gradeCountdown,
  draw(random, difficulty) {
    for (;;) {
      const numbers = Array.from({ length: difficulty }, () => random.int(1, random.chance(0.3) ? 99 : 20))
      const solution = combine(random, numbers)
      if (solution === null || solution.target < 5 || solution.target > LARGEST_TARGET) continue
      if (numbers.includes(solution.target)) continue
      const { target, expression, steps } = solution
      const list = `${numbers.slice(0, -1).join(', ')} and ${numbers.at(-1)!}`
      return {
        key: numbers.toSorted((a, b) => a - b).join(' '),
        question:
          `Use the numbers ${list}, each exactly once, with +, -, *, / and parentheses ` +
          `to write an expression that equals ${target}.`,
        answer: expression,
        steps: steps.join('\n'),
        columns: { numbers, target },
      }
    }
  },
}

/** Joins all numbers by random operations whose results are whole and positive; null if that does not work out. */
function combine(
  random: Random,
  numbers: readonly number[],
): { target: number; expression: string; steps: string[] } | null {
  let parts = numbers.map((value) => ({ value, text: String(value), isSum: false }))
  const steps: string[] = []
  while (parts.length > 1) {
    const [first, second, ...rest] = random.shuffle(parts) as [(typeof parts)[0], (typeof parts)[0], ...typeof parts]
    const [left, right] = first.value >= second.value ? [first, second] : [second, first]
    const results = {
      '+': left.value + right.value,
      '-': left.value - right.value,
      '*': left.value * right.value,
      '/': left.value / right.value,
    }
    const operator = random.pick(['+', '-', '*', '/'] as const)
    const value = results[operator]
    if (!Number.isInteger(value) || value < 1 || value > 10_000) return null
    const isSum = operator === '+' || operator === '-'
    const leftText = left.isSum && !isSum ? `(${left.text})` : left.text
    // On the right of - and / only a single number can do without brackets.
    const needsBrackets = /\D/.test(right.text) && (operator === '-' || operator === '/' || (right.isSum && !isSum))
    const rightText = needsBrackets ? `(${right.text})` : right.text
    steps.push(`${left.value} ${operator} ${right.value} = ${value}`)
    parts = [{ value, text: `${leftText} ${operator} ${rightText}`, isSum }, ...rest]
  }
  return { target: parts[0]!.value, expression: parts[0]!.text, steps }
}

/**
 * Grades an expression: its value must be the target, and its numbers the given ones, each once; `= 24` may follow it.
 * Strict: the marked answer. Lenient: else one marked in another form, else the last expression of the text.
 *
 * Throws a {@link DataError} for a problem without the columns `numbers` and `target`.
 */
export function gradeCountdown(completion: string, problem: Problem, promptText = ''): Grade {
  const { numbers, target } = puzzleOf(problem)
  const text = withoutEcho(completion, promptText, problem.question)
  const strict = markedAnswer(text, formsOf(problem))
  const extracted = strict ?? markedAnswer(text) ?? lastExpression(text)
  const isRight = extracted !== null && solves(extracted, numbers, target)
  return { correct: strict !== null && isRight, correctLenient: isRight, extracted }
}

gradeCountdown.checksGold = true

gradeCountdown.isAnswer = (text: string): boolean => evaluateExpression(expressionOf(text)) !== null

function puzzleOf({ id, columns }: Problem): { numbers: number[]; target: number } {
  const numbers = Array.isArray(columns?.numbers) ? columns.numbers.map(Number) : []
  const target = Number(columns?.target)
  if (numbers.length === 0 || !numbers.every(Number.isSafeInteger) || !Number.isSafeInteger(target)) {
    throw new DataError(`problem ${id} needs the columns numbers and target; it has ${JSON.stringify(columns ?? {})}`)
  }
  return { numbers, target }
}

function solves(answer: string, numbers: readonly number[], target: number): boolean {
  const results = answer.split('=').slice(1)
  if (results.length > 1 || (results.length === 1 && !isResult(results[0]!, target))) {
    return false
  }
  const evaluation = evaluateExpression(expressionOf(answer))
  if (evaluation === null) return false
  const { value } = evaluation
  const sorted = (list: readonly number[]): string => list.toSorted((a, b) => a - b).join(' ')
  return (
    value.denominator === 1n && value.numerator === BigInt(target) && sorted(evaluation.numbers) === sorted(numbers)
  )
}

/** Whether a text is the target alone, with the dollar sign and the point that may end a formula and a sentence. */
function isResult(text: string, target: number): boolean {
  return text.replace(/^[\s$]+|[\s$.]{0,5}$/g, '') === String(target)
}

/** What stands before an `=`, without the point at its end and the dollar signs around. */
function expressionOf(answer: string): string {
  return answer.split('=', 1)[0]!.replaceAll('$', '').trim().replace(/\.$/, '')
}

/** The last stretch of the text that could be an expression with an operation in it. */
function lastExpression(text: string): string | null {
  const runs = text.slice(-2000).match(/[(\d][\d\s+\-*/()×÷−·]*[)\d]/g) ?? []
  return runs.findLast((run) => /\d\s*\)*\s*[+\-*/×÷−·]\s*\(*\s*\d/.test(run))?.trim() ?? null
}
