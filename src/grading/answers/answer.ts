import { apply } from '../formula/formula.js'
import type { Formula } from '../formula/formula.js'
import type { Unit } from '../formula/units.js'

/** What an answer claims. */
export type Answer =
  /** A number or an expression, its unit if that is known. */
  | { readonly kind: 'value'; readonly formula: Formula; readonly unit: Unit | null }
  /** Words in lower case, or a letter. */
  | { readonly kind: 'text'; readonly text: string }
  /** A point, vector or interval: `open` is `(` or `[`, `close` is `)` or `]`. */
  | { readonly kind: 'tuple'; readonly open: string; readonly close: string; readonly items: readonly Answer[] }
  /** Several values in any order: a set, a list of solutions, or a union of intervals. */
  | { readonly kind: 'set'; readonly items: readonly Answer[] }
  /** All real numbers but some. */
  | { readonly kind: 'realsWithout'; readonly points: readonly Answer[] }
  /** `1, 2, \ldots, n`: in this order. */
  | { readonly kind: 'sequence'; readonly items: readonly Answer[] }
  | { readonly kind: 'matrix'; readonly rows: readonly (readonly Answer[])[] }
  | { readonly kind: 'ratio'; readonly items: readonly Answer[] }
  /** `y = 2x + 3`: the name, what it is, and the equation as it stands. */
  | { readonly kind: 'named'; readonly name: string; readonly is: Answer; readonly equation: Equation | null }
  /** `\frac94 = 2.25`: several ways to write one value; `isRounded[i]` if items `i` and `i + 1` are only about the same. */
  | { readonly kind: 'chain'; readonly items: readonly Answer[]; readonly isRounded: readonly boolean[] }
  | Equation
  /** What is less than what, or at most. */
  | { readonly kind: 'inequality'; readonly isStrict: boolean; readonly less: Formula; readonly greater: Formula }
  /** `(C) 12` */
  | { readonly kind: 'choice'; readonly letter: string; readonly is: Answer }
  | { readonly kind: 'time'; readonly minutes: string; readonly half: string }
  /** What is equal only to what is written alike. */
  | { readonly kind: 'opaque'; readonly text: string }

export interface Equation {
  readonly kind: 'equation'
  readonly left: Formula
  readonly right: Formula
}

export type Tuple = Extract<Answer, { kind: 'tuple' }>

const infinity: Formula = { kind: 'constant', name: 'infinity' }

/** What lies between two bounds; one that is left out is infinite. */
export function intervalOf(low: Bound | null, high: Bound | null): Tuple {
  return {
    kind: 'tuple',
    open: low?.isIncluded === true ? '[' : '(',
    close: high?.isIncluded === true ? ']' : ')',
    items: [low?.at ?? valueOf(apply('negate', infinity)), high?.at ?? valueOf(infinity)],
  }
}

export interface Bound {
  readonly at: Answer
  readonly isIncluded: boolean
}

export function valueOf(formula: Formula): Answer {
  return { kind: 'value', formula, unit: null }
}

/** Values in any order; sets within are taken apart, and a set of one is that one. */
export function setOf(items: readonly Answer[]): Answer {
  const flat = items.flatMap((item) => (item.kind === 'set' ? item.items : [item]))
  return flat.length === 1 ? flat[0]! : { kind: 'set', items: flat }
}

/** Plus or minus infinity; null for anything else. */
export function infinityOf(formula: Formula): 1 | -1 | null {
  if (formula.kind === 'constant') return formula.name === 'infinity' ? 1 : null
  const isNegative = formula.kind === 'apply' && formula.operator === 'negate'
  return isNegative && infinityOf(formula.operands[0]!) === 1 ? -1 : null
}
