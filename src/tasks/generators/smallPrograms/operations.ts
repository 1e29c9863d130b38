import type { Draw } from '../wordProblems/draw.js'

/** What a small program does with its number. */
export interface Operation {
  readonly kind: 'add' | 'subtract' | 'multiply' | 'square'
  /** What is added, taken away or multiplied by; 2 of a square. */
  readonly number: number
}

/** A JavaScript expression of x. */
export interface Expression {
  readonly text: string
  /** How tightly its last operation binds: 1 of a sum, 2 of a product, 3 of a power, 4 of x alone. */
  readonly level: number
}

const LARGEST_NUMBER = 9
const SIGNS = { add: '+', subtract: '-', multiply: '*', square: '**' } as const
const LEVELS = { add: 1, subtract: 1, multiply: 2, square: 3 } as const

/** x before anything is done with it. */
export const argument: Expression = { text: 'x', level: 4 }

/** Some operations of which none is of the kind of the one before it, nor takes it back, with one square at most. */
export function drawOperations(draw: Draw, count: number): Operation[] {
  const operations: Operation[] = []
  while (operations.length < count) {
    const last = operations.at(-1)
    const kind = draw.weighted({ add: 0.3, subtract: 0.3, multiply: 0.3, square: 0.1 })
    const number = kind === 'square' ? 2 : draw.int(kind === 'multiply' ? 2 : 1, LARGEST_NUMBER)
    const isSum = (each: Operation['kind']): boolean => each === 'add' || each === 'subtract'
    if (kind === last?.kind || (last && isSum(kind) && isSum(last.kind) && number === last.number)) continue
    if (kind === 'square' && operations.some((each) => each.kind === 'square')) continue
    operations.push({ kind, number })
  }
  return operations
}

/** An operation done to an expression, with parentheses where they are needed, or without them by a slip. */
export function applied(
  expression: Expression,
  { kind, number }: Operation,
  { withParentheses = needsParentheses(expression, kind) } = {},
): Expression {
  const { text } = expression
  return { text: `${withParentheses ? `(${text})` : text} ${SIGNS[kind]} ${number}`, level: LEVELS[kind] }
}

/** Whether an expression has to be in parentheses before an operation of a kind. */
export function needsParentheses({ level }: Expression, kind: Operation['kind']): boolean {
  return kind === 'square' ? level < 4 : level < LEVELS[kind]
}

/** What the operations make of a number. */
export function resultOf(operations: readonly Operation[], x: number): number {
  return operations.reduce((value, { kind, number }) => {
    if (kind === 'square') return value ** 2
    return kind === 'multiply' ? value * number : kind === 'add' ? value + number : value - number
  }, x)
}
