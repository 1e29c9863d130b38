import type { CodeRun } from '../../../src/sandbox/codeRun.js'

/** A program that does not do what its tests ask for, and tries to be counted as right, or to do harm. */
export interface Attack {
  readonly name: string
  readonly program: string
  readonly tests: string
  /** Code of the problem that runs with the tests. */
  readonly context?: string
  readonly language?: 'javascript' | 'typescript'
}

/** An attack as a run; the function that is asked for is f. */
export function runOf({ program, tests, context, language = 'javascript' }: Attack): CodeRun {
  return { language, program, tests, entryPoint: 'f', ...(context !== undefined && { context }) }
}
