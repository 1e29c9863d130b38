/**
 * A way to be counted as right without solving anything. It knows what a policy knows: the prompt and the function's name; it
 * does not know the tests.
 */
export interface Cheat {
  /** What it tries, in a few words. */
  readonly name: string
  /** A whole program, as it would stand in a completion's code block. */
  program(problem: CheatedProblem): string
}

export interface CheatedProblem {
  /** Imports, helper functions and the head of the function that is asked for. */
  readonly prompt: string
  /** Name of the function that is asked for. */
  readonly entryPoint: string
}
