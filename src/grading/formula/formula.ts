import type { Fraction } from '../numbers/fraction.js'

/** What a formula is made of. */
export type Formula =
  | NumberFormula
  /** A variable with its index, such as `x_1`, or what is compared by name only, such as `\overline{AB}`. */
  | { readonly kind: 'name'; readonly name: string }
  | { readonly kind: 'constant'; readonly name: 'pi' | 'e' | 'i' | 'infinity' }
  | { readonly kind: 'apply'; readonly operator: Operator; readonly operands: readonly Formula[] }
  /** A function that is known by its name only, such as f in f(x + 1). */
  | { readonly kind: 'call'; readonly name: string; readonly operands: readonly Formula[] }
  /** Words that stand alone, in lower case, or a letter. */
  | { readonly kind: 'text'; readonly text: string }
  /** Words behind a number, a sign of currency. */
  | { readonly kind: 'unit'; readonly text: string }
  /** Digits in another base, as `204_5`. */
  | { readonly kind: 'based'; readonly digits: string; readonly base: string }
  /** A point, vector or interval. */
  | { readonly kind: 'tuple'; readonly open: string; readonly close: string; readonly items: readonly Formula[] }
  | { readonly kind: 'set'; readonly items: readonly Formula[] }
  /** `1, 2 and 3` without brackets. */
  | { readonly kind: 'list'; readonly items: readonly Formula[] }
  /** `{x | x > 3}`: what stands before the bar and behind it. */
  | { readonly kind: 'builder'; readonly element: Formula; readonly condition: Formula }
  | { readonly kind: 'matrix'; readonly isDeterminant: boolean; readonly rows: readonly (readonly Formula[])[] }
  /** `a : b : c` */
  | { readonly kind: 'ratio'; readonly items: readonly Formula[] }
  /** `a < x \le b`: one operator less than operands. */
  | { readonly kind: 'relation'; readonly operators: readonly string[]; readonly operands: readonly Formula[] }
  | { readonly kind: 'ellipsis' }

export interface NumberFormula {
  readonly kind: 'number'
  readonly value: Fraction
  /** Places behind the decimal point; 0 for a whole number. */
  readonly places: number
  /** Its groups of digits if it may also be a list, as `1,234`. */
  readonly groups?: readonly string[]
}

/** Operators and functions that have a value. */
export type Operator =
  | 'add'
  | 'negate'
  | 'multiply'
  | 'divide'
  | 'power'
  /** The index and what is under the root. */
  | 'root'
  | 'factorial'
  | 'doubleFactorial'
  | 'binomial'
  | 'degree'
  | 'percent'
  /** One operand, or what stands before `±` and behind it. */
  | 'plusMinus'
  | 'minusPlus'
  | 'abs'
  | 'floor'
  | 'ceil'
  /** The base and what the logarithm is of. */
  | 'log'
  /** The index, its first and its last value, and what is added up. */
  | 'sumOver'
  | 'productOver'
  | 'union'
  | 'intersection'
  | 'difference'
  | FunctionName

export const functionNames = [
  'sin',
  'cos',
  'tan',
  'cot',
  'sec',
  'csc',
  'arcsin',
  'arccos',
  'arctan',
  'sinh',
  'cosh',
  'tanh',
  'cis',
  'ln',
  'exp',
  'gcd',
  'lcm',
  'max',
  'min',
] as const
export type FunctionName = (typeof functionNames)[number]

export function apply(operator: Operator, ...operands: readonly Formula[]): Formula {
  return { kind: 'apply', operator, operands }
}

export function numberOf(value: Fraction, places = 0): NumberFormula {
  return { kind: 'number', value, places }
}

export function integerOf(value: number | bigint): NumberFormula {
  return numberOf({ numerator: BigInt(value), denominator: 1n })
}

/** The parts of a formula that are formulas. */
export function partsOf(formula: Formula): readonly Formula[] {
  switch (formula.kind) {
    case 'apply':
    case 'call':
    case 'relation':
      return formula.operands
    case 'tuple':
    case 'set':
    case 'list':
    case 'ratio':
      return formula.items
    case 'builder':
      return [formula.element, formula.condition]
    case 'matrix':
      return formula.rows.flat()
    default:
      return []
  }
}

/** A formula with other parts, as many as {@link partsOf} gives. */
export function withParts(formula: Formula, parts: readonly Formula[]): Formula {
  switch (formula.kind) {
    case 'apply':
    case 'call':
    case 'relation':
      return { ...formula, operands: parts }
    case 'tuple':
    case 'set':
    case 'list':
    case 'ratio':
      return { ...formula, items: parts }
    case 'builder':
      return { ...formula, element: parts[0]!, condition: parts[1]! }
    case 'matrix': {
      let at = 0
      return { ...formula, rows: formula.rows.map((row) => parts.slice(at, (at += row.length))) }
    }
    default:
      return formula
  }
}

/** Whether a formula or one of its parts fulfils a condition. */
export function hasPart(formula: Formula, condition: (part: Formula) => boolean): boolean {
  return condition(formula) || partsOf(formula).some((part) => hasPart(part, condition))
}

/** The variables of a formula. */
export function variablesOf(formula: Formula, found = new Set<string>()): Set<string> {
  if (formula.kind === 'name') found.add(formula.name)
  for (const part of partsOf(formula)) variablesOf(part, found)
  return found
}
