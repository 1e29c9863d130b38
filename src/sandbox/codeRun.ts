/** Languages that programs can be run in. */
export type CodeLanguage = 'javascript' | 'typescript' | 'python'

export const codeLanguages: readonly CodeLanguage[] = ['javascript', 'typescript', 'python']

/** A program of unknown intent and the tests that it has to pass. */
export interface CodeRun {
  /** Language of the program and of the tests. */
  readonly language: CodeLanguage
  /** The whole program. */
  readonly program: string
  /**
   * Tests that call what the program defines and fail by an exception. They run apart from the program: values cross by copy,
   * functions and other objects as proxies, so that the program can neither see nor change the tests.
   */
  readonly tests: string
  /** Name of the function that is tested; tests also find it as `candidate`. */
  readonly entryPoint?: string
  /**
   * Trusted code that the tests may use as well, such as helper functions of the problem: what it defines wins over what the
   * program calls the same. It may end within a function that is not finished.
   */
  readonly context?: string
  /**
   * Whether tests see what a function did to its arguments in any case, as when it returns the length of what it shortened. What
   * a test compares with its own arguments would else be for the program to choose. If it is not given, they see it of functions
   * that return nothing (Python); of those that they call as a statement, without using the result, and of those that return an
   * argument if they ask whether two things are one and the same (JavaScript).
   */
  readonly inPlace?: boolean
}

export interface CodeLimits {
  /**
   * Time for the program and its tests together, in ms. What they wait for a processor does not count on Linux, up to three
   * times the limit. Defaults to 5000.
   */
  timeLimit: number
  /** Memory of the program, and in Python as much of its tests, in MiB. Defaults to 256. */
  memoryLimit: number
}

export const defaultLimits: CodeLimits = { timeLimit: 5000, memoryLimit: 256 }

/** What came of a run. */
export interface CodeVerdict {
  /** Whether the program passed all tests. */
  readonly passed: boolean
  /** Why it did not pass, e.g. `AssertionError: …`, `time limit of 5000 ms`; null if it did. */
  readonly reason: string | null
}
