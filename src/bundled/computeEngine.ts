/** Cortex's compute engine: LaTeX to expressions that can be compared. */

/** What is used of an expression: the engine's own declarations import files without their endings, which NodeNext does not find. */
export interface Expression {
  readonly isValid: boolean
  readonly unknowns: readonly string[]
  readonly re: number
  readonly im: number
  isEqual(other: Expression): boolean | undefined
  subs(values: Readonly<Record<string, number>>): Expression
  N(): Expression
}

export interface ComputeEngine {
  parse(latex: string): Expression
}

const library: unknown = await import('@cortex-js/compute-engine')

export const { ComputeEngine } = library as { ComputeEngine: new () => ComputeEngine }
